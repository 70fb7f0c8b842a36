"""Whatever a play does, sending its tasks ahead changes nothing but the time it takes.

Random plays run three times on one host: with tasks sent ahead, without, and under ``strategy: pipelined``. Events,
variables and the host's files must be the same.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stella_ops.engine import task_runner
from stella_ops.engine.traits import Traits

rows = sys.modules["tests_integration_play_rows"]  # loaded by conftest.py

NAMES = ("r0", "r1", "r2")
VARIABLES = (*NAMES, "fact", "vars.r0")
CONDITIONS = [
    *(f"{name} is defined" for name in NAMES),
    *(f"{name} is not defined or {name} is changed" for name in NAMES),
    *(f"({name} | default({{}})).rc | default(0) == 0" for name in NAMES),
    "r0 is failed",
    "from_play is defined",
    "fact == 2",
    "vars.r1 is defined",
    "hostvars.web.r1 is defined",
    "'r2' in vars",
    "ansible_system is defined",
    "ansible_facts.system | default('') == 'Linux'",
    "lookup('vars', 'r0', default='') != ''",
    "query('varnames', '^r1$') | length == 1",
    "ansible_failed_task is defined",
    "nowhere",
    True,
    False,
]
TEXTS = [
    "plain",
    "{{ fact }}",
    "{{ from_play }}",
    "{{ r0.changed }}",
    "{{ r1 | default('none') is mapping }}",
    "{{ (r2 | default({})).stdout | default('') }}",
    "{{ hostvars['web'].r0 is defined }}",
    "{{ vars['r1'] is defined }} {{ of_task | default('') }}",
    "{{ ansible_facts.system | default('unknown') }}",
    "{{ ansible_failed_task.action | default('nothing failed') }}",
    "{{ undefined_name }}",
]

some = st.sampled_from
# Most tasks are plain: else there would be no rows.
text = st.one_of(st.just("plain"), some(["plain", "{{ fact }}"]), some(TEXTS))
condition = st.one_of(some([True, "fact == 1", "inventory_hostname == 'web'"]), some(CONDITIONS))
sometimes = st.integers(0, 3).map(lambda n: n == 3)


@st.composite
def actions(draw: Any) -> dict[str, Any]:
    """What a task does, most often something that leaves a trace."""
    name = f"{{{{ root }}}}/{draw(some(['a', 'b', 'c', 'd', 'a/e']))}"
    kind = draw(some([0, 0, 0, 0, 4, 4, 5, 6, 7, 7, 8, 8, 9, 9, 10, 11, 12, 13]))
    if kind == 0:
        # Run twice, it shows; not in its turn, too.
        return {
            "shell": f"echo {draw(st.integers(0, 99))} >> {{{{ root }}}}/log; exit {draw(some([0, 0, 0, 0, 0, 3]))}"
        }
    if kind == 4:
        return {"copy": {"content": draw(text) + "\n", "dest": name}}
    if kind == 5:
        return {"copy": {"src": draw(some(["small", "big", "folder", "folder/"])), "dest": name}}
    if kind == 6:
        return {"template": {"src": draw(some(["plain.j2", "uses.j2"])), "dest": name}}
    if kind == 7:
        return {"file": {"path": name, "state": draw(some(["directory", "directory", "absent", "touch", "file"]))}}
    if kind == 8:
        return {"stat": {"path": name}}
    if kind == 9:
        return {"debug": draw(st.one_of(st.fixed_dictionaries({"msg": text}), some([{"var": n} for n in VARIABLES])))}
    if kind == 10:
        return {"assert": {"that": [str(draw(condition))]}}
    if kind == 11:
        return {"set_fact": {"fact": draw(some([1, 2, "{{ (r0 | default({})).rc | default(2) }}"]))}}
    if kind == 12:
        return {"fail": {"msg": draw(text)}}
    return draw(some([{"setup": {"gather_subset": "!all,!min,platform"}}, {"meta": "flush_handlers"}, {"ping": None}]))


@st.composite
def tasks(draw: Any) -> dict[str, Any]:
    """A task with a few keywords."""
    task: dict[str, Any] = draw(actions())
    if "meta" in task:
        return task
    keywords = {
        "register": some(NAMES),
        "when": condition,
        "failed_when": some([False, False, "r0.rc | default(0) == 3", "r1 is changed"]),
        "changed_when": some([True, False, "r0 is changed"]),
        "ignore_errors": some([True, False, "{{ fact == 2 }}"]),
        "notify": some(["first", "second", ["first", "topic"], "{{ 'second' }}"]),
        "loop": some([[1, 2], "{{ [1] }}", "{{ r1.stdout_lines }}"]),
        "tags": some(["one", "two", "always", "never"]),
        "vars": some([{"of_task": "{{ r0.rc }}"}, {"of_task": "x"}]),
        "no_log": some([True, "{{ r1 is defined }}"]),
        "check_mode": some([True, False]),
        "timeout": some([30]),
        "environment": some([{"A": "b"}, {"A": "{{ r2 is defined }}"}]),
        "delegate_to": some(["web", "{{ inventory_hostname }}"]),
        "run_once": some([True]),
        "ignore_unreachable": some([True]),
    }
    chosen = draw(some([[], [], [], ["register"], ["when"], ["register", "when"], None]))
    for name in draw(st.lists(some(list(keywords)), max_size=2)) if chosen is None else chosen:
        task[name] = draw(keywords[name])
    if draw(st.integers(0, 11)) == 11 and "loop" not in task:
        task.setdefault("register", "r0")
        task.update(until=f"{task['register']} is not failed", retries=1, delay=0)
    return task


def steps(depth: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Tasks, and blocks of them."""
    if not depth:
        return st.lists(tasks(), min_size=2, max_size=6)
    inner = steps(depth - 1)
    block = st.fixed_dictionaries(
        {"block": inner},
        optional={
            "rescue": inner,
            "always": inner,
            "when": condition,
            "ignore_errors": st.just(True),
            "vars": st.just({"of_task": "{{ r1.rc | default(1) }}"}),
        },
    )
    return st.lists(st.one_of(tasks(), tasks(), tasks(), tasks(), block), min_size=5, max_size=10)


def numbered(found: list[dict[str, Any]], count: list[int]) -> list[dict[str, Any]]:
    """The same with a name for each task."""
    for step in found:
        if "block" in step:
            for part in ("block", "rescue", "always"):
                numbered(step.get(part, []), count)
        elif "meta" not in step:
            count[0] += 1
            step["name"] = f"task {count[0]}"
    return found


@st.composite
def books(draw: Any) -> list[dict[str, Any]]:
    """One play, or two."""
    made = []
    count = [0]
    for _ in range(draw(some([1, 1, 2]))):
        play: dict[str, Any] = {
            "hosts": "all",
            "gather_facts": draw(sometimes),
            "vars": {"fact": 1, "from_play": "{{ r0.rc }}"},
            "tasks": numbered(draw(steps(2)), count),
        }
        if draw(sometimes):
            play["gather_subset"] = ["!all", "!min", "platform"]
        if draw(sometimes):
            play["pre_tasks"] = numbered(draw(steps(0)), count)
        # Behind them other tasks wait for their turn; those that are notified have to be there.
        if draw(st.booleans()) or "notify" in str(play):
            play["handlers"] = [
                {"name": "first", "shell": "echo first >> {{ root }}/log", "notify": "second"},
                {"name": "second", "debug": {"msg": "{{ r0 is defined }}"}, "listen": "topic"},
                {"name": "third", "copy": {"content": "x", "dest": "{{ root }}/third"}, "listen": ["topic"]},
            ]
        if draw(sometimes):
            play["force_handlers"] = True
        made.append(play)
    return made


choices = st.fixed_dictionaries(
    {}, optional={"check": st.just(True), "diff": st.just(True), "tags": some([("one",), ("one", "two")])}
)


def prepared() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="stella-rows-"))
    (folder / "files" / "folder" / "below").mkdir(parents=True)
    (folder / "files" / "small").write_text("small\n")
    (folder / "files" / "big").write_bytes(bytes(range(256)) * 600)
    (folder / "files" / "folder" / "below" / "x").write_text("x")
    (folder / "files" / "folder" / "y").write_text("y")
    (folder / "templates").mkdir()
    (folder / "templates" / "plain.j2").write_text("{{ fact }}\n")
    (folder / "templates" / "uses.j2").write_text("{% include 'inner.j2' %}\n{% for n in [1] %}{{ n }}{% endfor %}\n")
    (folder / "templates" / "inner.j2").write_text("{{ (r0 | default({'rc': 'no'})).rc | default('none') }}")
    return folder


def run(folder: Path, book: list[dict[str, Any]], options: dict[str, Any], label: str, strategy: str = "linear") -> Any:
    plays = [{**play, "strategy": strategy} for play in book]
    return asyncio.run(rows.play(folder, plays, root=folder / label, **options))


def comparable(played: Any, *, pipelined: bool = False) -> list[Any]:
    events = played.events
    if pipelined:
        # It warns that run_once means something else.
        events = [event for event in events if "run_once has no meaning" not in event.get("message", "")]
        # Meta tasks tell whether the host goes by itself, as it does here.
        events = [{**event, "alone": False} if "alone" in event else event for event in events]
        events = [{**event, "strategy": "linear"} if "strategy" in event else event for event in events]
    return [played.code, events, played.variables, played.files]


def same(one: list[Any], other: list[Any]) -> None:
    """Equal, or the first event that is not."""
    for mine, theirs in zip(one[1], other[1], strict=False):
        assert mine == theirs
    assert one == other


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(book=books(), options=choices)
def test_rows_change_nothing(book: list[dict[str, Any]], options: dict[str, Any]) -> None:
    folder = prepared()
    try:
        ahead = run(folder, book, options, "ahead")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Traits, "may_follow", lambda self, task: False)
            patch.setattr(task_runner, "items_may_follow", lambda task, folders: False)
            after = run(folder, book, options, "after")
        pipelined = run(folder, book, options, "pipelined", strategy="pipelined")
    finally:
        shutil.rmtree(folder)
    assert after.ahead == 0
    same(comparable(ahead), comparable(after))
    same(comparable(pipelined, pipelined=True), comparable(after))
    assert not ahead.complaints and not after.complaints and not pipelined.complaints
