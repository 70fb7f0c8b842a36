from __future__ import annotations

from stella_ops.engine.outcome import Outcome, censored, combine, defect, failed, skipped, unreachable
from stella_ops.errors import TaskError, TemplateError, UnreachableError


def outcome(status: str, **result: object) -> Outcome:
    return Outcome(status, dict(result), dict(result))  # type: ignore[arg-type]


def test_a_loop_failed_when_an_item_did() -> None:
    made = combine([outcome("ok", changed=False), outcome("failed", changed=True, failed=True)])
    assert (made.status, made.looped) == ("failed", True)
    assert made.result["msg"] == "One or more items failed"
    assert made.result["changed"] is True and len(made.result["results"]) == 2


def test_a_loop_warns_of_what_its_items_warn_of() -> None:
    first, second = (
        outcome("ok", n=1, warnings=["w"], deprecations=[{"msg": "d"}]),
        outcome("ok", n=2, warnings=["w", "x"]),
    )
    second.shown = {"n": 2}
    made = combine([first, second])
    assert (made.result["warnings"], made.result["deprecations"]) == (["w", "w", "x"], [{"msg": "d"}])
    assert made.result["results"] == [{"n": 1}, {"n": 2}]
    assert made.shown["warnings"] == ["w"], "an item that does not show its result warns of nothing"
    assert "warnings" not in combine([outcome("ok")]).result


def test_a_loop_without_items_is_skipped() -> None:
    made = combine([])
    assert made.status == "skipped"
    assert made.result == {
        "results": [],
        "changed": False,
        "skipped": True,
        "skipped_reason": "No items in the list",
    }


def test_a_loop_is_skipped_only_when_all_items_were() -> None:
    assert combine([skipped({}), skipped({})]).status == "skipped"
    assert combine([skipped({}), outcome("ok")]).status == "ok"
    assert combine([skipped({}), outcome("changed", changed=True)]).status == "changed"


def test_what_items_notify_and_tell_adds_up() -> None:
    first, second = outcome("changed", changed=True), outcome("changed", changed=True)
    first.notify, second.notify = ["one", "two"], ["two"]
    first.additions, second.additions = [("facts", {"a": 1}, None)], [("variables", {"b": 2}, "db1")]
    second.delegate, second.hint = "other", "do this"
    made = combine([first, second])
    assert made.notify == ["one", "two"]
    assert made.additions == [("facts", {"a": 1}, None), ("variables", {"b": 2}, "db1")]
    assert (made.delegate, made.hint) == ("other", "do this")


def test_nothing_is_left_under_no_log() -> None:
    shown = censored({"changed": True, "failed": True, "msg": "CANARY", "exception": "CANARY", "stdout": "CANARY"})
    assert "CANARY" not in str(shown)
    assert (shown["changed"], shown["failed"]) == (True, True)
    made = failed(TaskError("CANARY", hint="CANARY"))
    made.censor()
    assert "CANARY" not in str(made.shown) and made.hint is None
    assert made.result["msg"] == "Task failed: CANARY"  # which the playbook may still look at


def test_errors_name_the_place_but_not_the_host() -> None:
    assert failed(TemplateError("bad", where="p.yml:3:1")).result["msg"] == "Task failed: bad"
    assert failed(TemplateError("bad", where="p.yml:3:1")).where == "p.yml:3:1"
    assert failed(TaskError("bad", where="web1")).where is None
    made = unreachable(UnreachableError("gone", where="web1", hint="look"), "other")
    assert (made.status, made.result["unreachable"], made.hint, made.delegate) == ("unreachable", True, "look", "other")


def test_a_defect_says_that_it_is_one() -> None:
    try:
        raise KeyError("inner")
    except KeyError as problem:
        made = defect(problem)
    assert made.status == "failed"
    assert made.result["msg"] == "a defect in stella-ops: KeyError: 'inner'"
    assert "Traceback" in made.shown["exception"] and made.hint
    assert made.result["exception"] == "(traceback unavailable)"
