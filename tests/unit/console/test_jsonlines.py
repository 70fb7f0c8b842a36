from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stella_ops.console.jsonlines import JsonLinesReporter, encode
from stella_ops.engine.events import HostFinished, RunFinished


def finished(result: dict[Any, Any]) -> HostFinished:
    return HostFinished(time=1.5, task_id=1, task="t", host="h", status="ok", result=result, duration=0.1)


def test_one_object_an_event(story: Any) -> None:
    story.run()
    story.play("p", ["h"])
    story.task("t")
    story.item("h", "ok", {"a": 1})
    story.host("h")
    story.end({"h": {"ok": 1}})
    stream = io.StringIO()
    story.tell(JsonLinesReporter(stream))
    objects = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one["event"] for one in objects] == [type(event).__name__ for event in story.events]
    assert objects[-1]["hosts"]["h"]["ok"] == 1
    assert objects[3]["item"] == {"a": 1}


def test_each_line_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with path.open("w", encoding="utf-8") as stream:
        JsonLinesReporter(stream).handle(finished({}))
        assert json.loads(path.read_text(encoding="utf-8"))["host"] == "h"


@given(
    st.dictionaries(
        st.text(st.characters()) | st.integers() | st.tuples(st.integers()),
        st.floats() | st.text(st.characters()) | st.binary(),
    )
)
def test_no_value_breaks_a_line(result: dict[Any, Any]) -> None:
    line = encode(finished(result))
    assert line.isascii()
    assert "\n" not in line
    json.loads(line, parse_constant=lambda constant: (_ for _ in ()).throw(AssertionError(constant)))


def test_values_that_cannot_be_copied_or_end() -> None:
    looped: list[Any] = []
    looped.append(looped)
    for odd in (threading.Lock(), looped, object(), {1, 2}, Path("/x")):
        assert json.loads(encode(finished({"odd": odd})))["host"] == "h"


def test_the_end_of_a_run() -> None:
    made = json.loads(encode(RunFinished(time=2, run_id="r", exit_code=2, duration=1)))
    assert made == {
        "event": "RunFinished",
        "time": 2,
        "run_id": "r",
        "exit_code": 2,
        "duration": 1,
        "hosts": {},
        "interrupted": False,
        "broken": False,
    }
