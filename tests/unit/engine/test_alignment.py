"""Tasks are found again in files that were edited."""

from __future__ import annotations

from stella_ops.engine.alignment import align
from stella_ops.engine.positions import Line


def lines(*written: str) -> list[Line]:
    """``name=content``; without a name, the module's is before the colon: ``copy:content``."""
    made = []
    for number, text in enumerate(written):
        named = "=" in text
        title, _, digest = text.partition("=" if named else ":")
        made.append(Line(f"tasks/{number}", title, named, digest))
    return made


def moved(old: list[Line], new: list[Line]) -> dict[str, str]:
    """By what is written, not where."""
    texts = {line.path: f"{line.title}/{line.digest}" for line in new}
    known = {line.path: f"{line.title}/{line.digest}" for line in old}
    return {known[before]: texts[now] for before, now in align(old, new).moves.items()}


def test_a_task_that_changed_is_known_by_its_name() -> None:
    old, new = lines("a=1", "b=1", "c=1"), lines("x=1", "a=1", "b=2", "c=1")
    found = align(old, new)
    assert found.moves == {"tasks/0": "tasks/1", "tasks/1": "tasks/2", "tasks/2": "tasks/3"}
    assert (found.changed, found.gone, found.doubtful) == ({"tasks/1"}, set(), set())


def test_a_name_that_is_gone() -> None:
    assert align(lines("a=1", "b=1"), lines("a=1", "c=1")).gone == {"tasks/1"}


def test_without_names_neighbours_count() -> None:
    old = lines("copy:1", "copy:2", "file:3", "copy:4")
    assert moved(old, lines("copy:1", "copy:9", "file:3", "copy:4"))["copy/2"] == "copy/9"
    found = align(old, lines("copy:1", "copy:8", "copy:9", "file:3", "copy:4"))
    assert found.doubtful == {"tasks/1"} and "tasks/1" not in found.moves
    assert found.moves["tasks/3"] == "tasks/4"


def test_tasks_that_were_put_elsewhere() -> None:
    old, new = lines("a=1", "b=1", "c=1"), lines("c=1", "a=1", "b=1")
    assert moved(old, new) == {"a/1": "a/1", "b/1": "b/1", "c/1": "c/1"}


def test_one_name_several_times() -> None:
    old, new = lines("a=1", "a=2", "b=1"), lines("a=1", "n=1", "a=3", "b=1")
    assert moved(old, new) == {"a/1": "a/1", "a/2": "a/3", "b/1": "b/1"}
