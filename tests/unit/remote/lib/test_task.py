from __future__ import annotations

import json
import sys
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.remote.lib.task import CENSORED, ModuleFailure, execute, jsonable, run_module

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())  # with lone surrogates
    | st.binary()
    | st.dates(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(st.characters()) | st.integers() | st.binary() | st.none(), inner)
        | st.frozensets(st.text() | st.integers())
    ),
    max_leaves=20,
)


def call(run, spec=None, **args):
    return execute(run, spec or {}, {"args": args, "check": False, "diff": False})


@given(anything)
def test_every_result_can_be_sent(value):
    result = call(lambda task: {"value": value})
    json.dumps(result, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert result["failed"] is False


def test_defaults_and_warnings():
    def run(task):
        task.warn("odd")
        task.warn("odd")
        return {"changed": True, "warnings": ["own"]}

    assert call(run) == {"changed": True, "failed": False, "warnings": ["own", "odd"]}
    assert call(lambda task: {}) == {"changed": False, "failed": False}


def test_failure_keeps_what_came_with_it():
    def run(task):
        task.warn("before")
        task.fail("no luck", rc=3)

    told = {"changed": False, "failed": True, "msg": "no luck", "rc": 3, "warnings": ["before"]}
    assert call(run) == {**told, "invocation": {"module_args": {}}}


@pytest.mark.parametrize("error", [ValueError("bad"), KeyError("k"), SystemExit(3), MemoryError(), RecursionError()])
def test_every_exception_becomes_an_answer(error):
    def run(task):
        raise error

    result = call(run)
    assert result["failed"] is True
    assert result["msg"]
    assert "Traceback" in result["exception"]


class Rude:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


def test_even_what_has_no_text():
    class RudeError(Exception):
        def __str__(self) -> str:
            return "\udcff"

    def run(task):
        raise RudeError

    assert call(run)["msg"] == "Task failed: Module failed: \ufffd"
    assert "cannot be sent" in call(lambda task: {"x": Rude()})["msg"]


@pytest.mark.parametrize("returned", [None, "text", 3, ["a"]])
def test_a_module_must_return_a_mapping(returned):
    result = call(lambda task: returned)
    assert result["failed"] is True
    assert "not a mapping" in result["msg"]


def test_a_structure_that_contains_itself():
    loop: dict[str, object] = {}
    loop["loop"] = loop
    assert "…" in json.dumps(jsonable(loop), ensure_ascii=False)


def test_odd_values():
    told = jsonable({"day": date(2024, 5, 1), 5: {3, 1}, "t": (1,), "nan": float("nan"), "b": b"\xff", None: 1})
    assert told == {"day": "2024-05-01", "5": [1, 3], "t": [1], "nan": "nan", "b": "\ufffd", "None": 1}


def test_secrets_are_cut_out_everywhere():
    spec = {"password": {"no_log": True, "aliases": ["pw"]}, "port": {"type": "int"}}

    def run(task):
        task.warn("used hunter2")
        return {"a": ["say hunter2!"], "b": {"hunter2": b"hunter2"}, "hunter": 1}

    result = call(run, spec, pw="hunter2")
    assert result["a"] == [f"say {CENSORED}!"]
    assert result["b"] == {CENSORED: CENSORED}
    assert result["hunter"] == 1
    assert result["warnings"] == [f"used {CENSORED}"]

    def crash(task):
        raise ValueError(task.args["password"])

    for result in (call(crash, spec, password="hunter2"), call(run, spec, password="hunter2", port="hunter2")):
        assert result["failed"] is True
        assert "hunter2" not in json.dumps(result)


def test_a_secret_named_like_a_key_of_the_result_hides_no_key():
    result = call(lambda task: {"changed": True}, {"x": {"no_log": True}}, x="changed")
    assert result == {"changed": True, "failed": False}


def test_request_reaches_the_module():
    def run(task):
        return {"check": task.check_mode, "diff": task.diff_mode, "args": task.args, "content": task.content.read()}

    import io

    request = {"args": {"n": "5"}, "check": 1, "diff": None}
    result = execute(run, {"n": {"type": "int"}}, request, io.BytesIO(b"data"))
    assert (result["check"], result["diff"], result["args"], result["content"]) == (True, False, {"n": 5}, "data")


def test_broken_requests_are_answered():
    assert execute(lambda task: {}, {}, {"args": "text"})["failed"] is True
    assert execute(lambda task: {}, {"x": {"type": "nonsense"}}, {"args": {"x": 1}})["failed"] is True
    assert execute(lambda task: {}, {}, {})["failed"] is False


def test_run_module_reads_a_file_and_its_free_form(tmp_path):
    source = tmp_path / "shout.py"
    source.write_text(
        '"""Shout."""\n'
        'ARGUMENTS = {"words": {"type": "str"}}\n'
        'FREE_FORM = "words"\n'
        "def run(task):\n"
        '    return {"said": task.args["words"].upper(), "content": task.content.read().decode()}\n'
    )
    result = run_module(source, {"_raw_params": "hi there"}, content=b"x")
    assert result["said"] == "HI THERE"
    assert result["content"] == "x"
    assert "shout" not in sys.modules


def test_module_failure_carries_a_result():
    assert ModuleFailure("m", rc=1).result == {"failed": True, "msg": "m", "rc": 1}


def test_the_arguments_of_a_failure_hold_no_secret():
    spec = {
        "key": {"type": "str", "no_log": True, "aliases": ["pass"]},
        "url": {"type": "str"},
        "_own": {"type": "str"},
    }
    args = {"pass": "sesame", "url": "https://me:open@host/x", "_own": "x"}
    for asked in (args, {**args, "unknown": "sesame"}):
        told = execute(lambda task: task.fail("no"), spec, {"args": asked})
        assert "sesame" not in str(told)
        assert told["invocation"]["module_args"]["url"] == "https://me:********@host/x"
        assert "_own" not in told["invocation"]["module_args"]
    assert "invocation" not in execute(lambda task: {}, spec, {"args": args})
    asked = execute(lambda task: {"changed": True}, spec, {"args": args, "invocation": True})
    assert asked["invocation"]["module_args"]["key"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def test_a_file_that_the_module_tells_of_is_not_looked_at_again(tmp_path):
    (tmp_path / "f").touch()
    told = {"path": str(tmp_path / "f")}
    assert {"owner", "group", "mode", "size", "state", "uid", "gid"} <= call(lambda task: told).keys()
    assert call(lambda task: {**told, "owner": "me"}).keys() == {"changed", "failed", "owner", "path"}
