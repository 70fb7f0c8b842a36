from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.console.problems import render_error, render_exception, render_unexpected
from stella_ops.errors import PlaybookError, StellaError, UsageError


def at(path: Path, place: str, message: str = "unknown module 'copi'", **more: str) -> PlaybookError:
    return PlaybookError(message, where=f"{path}:{place}", **more)


def test_the_place_is_shown_with_its_lines_and_a_caret(tmp_path: Path) -> None:
    path = tmp_path / "site.yml"
    path.write_text("- hosts: all\n  tasks:\n    - name: x\n    - copi:\n        dest: /x\n", encoding="utf-8")
    error = at(path, "4:7", hint="did you mean 'copy'?", runbook="docs/runbooks/modules.md")
    assert render_error(error, color=False) == (
        f"[ERROR]: unknown module 'copi'\n\n  {path}:4:7\n"
        "  2 |   tasks:\n  3 |     - name: x\n  4 |     - copi:\n    |       ^\n"
        "hint: did you mean 'copy'?\nrunbook: docs/runbooks/modules.md\n"
    )


def test_the_caret_stands_below_its_character(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text("\t日本: \x1bx!\n", encoding="utf-8")
    lines = render_error(at(path, "1:7"), color=False).splitlines()
    # The tab takes four columns, each of the two signs two, the escape its four characters.
    assert lines[-2] == "  1 |     日本: \\x1bx!"
    assert lines[-1] == "    |               ^"


def test_an_error_without_a_place_or_with_one_that_is_no_file() -> None:
    assert render_error(UsageError("no"), color=False) == "[ERROR]: no\n"
    assert render_error(UsageError("no", where="web1: task x"), color=False) == "[ERROR]: no\n\n  web1: task x\n"
    assert "|" not in render_error(UsageError("no", where="/nonexistent/x.yml:3:1"), color=False)


@pytest.mark.parametrize("place", ["99:1", "0:0", "1:500", "2:0"])
def test_odd_places_are_no_trouble(tmp_path: Path, place: str) -> None:
    path = tmp_path / "x.yml"
    path.write_text("a: 1\nb: 2\n", encoding="utf-8")
    text = render_error(at(path, place), color=False)
    assert text.startswith("[ERROR]: unknown module")


@pytest.mark.parametrize(
    "content",
    [
        "$ANSIBLE_VAULT;1.1;AES256\n3132\n3334\n",
        "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\n",
        "key: |\n  -----BEGIN PRIVATE KEY-----\n  3132\n",
    ],
)
def test_files_with_vaults_and_keys_are_not_shown(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret.yml"
    path.write_text(content, encoding="utf-8")
    assert "3132" not in render_error(at(path, "3:3"), color=False)


def test_an_error_can_forbid_its_excerpt_and_so_can_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text("hidden\n", encoding="utf-8")
    error = at(path, "1:1")
    assert "hidden" not in render_error(error, color=False, source_excerpt=False)
    assert "hidden" in render_error(error, color=False)
    error.no_excerpt = True  # type: ignore[attr-defined]
    assert "hidden" not in render_error(error, color=False)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("ansible_become_password: hunter2 : x\n", 1),
        ("db_password = hunter2\n", 1),
        ("  api_key: hunter2\nnext: 1\n", 2),
        ("web1 ansible_user=x ansible_password=hunter2 port=22\n", 1),
        ("vault_token: |\n  abc\n  hunter2\n", 3),
        ('secret: "abc\n  hunter2\n', 2),
    ],
)
def test_values_of_secret_keys_are_masked(tmp_path: Path, content: str, line: int) -> None:
    path = tmp_path / "vars.yml"
    path.write_text(content, encoding="utf-8")
    text = render_error(at(path, f"{line}:3"), color=False)
    assert "hunter2" not in text
    assert "********" in text


def test_a_template_below_a_secret_key_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "vars.yml"
    path.write_text('password: "{{ vault_pasword }}"\n', encoding="utf-8")
    assert "vault_pasword" in render_error(at(path, "1:11"), color=False)


def test_several_problems(tmp_path: Path) -> None:
    error = StellaError("2 problems in site.yml")
    error.problems = [StellaError("one", hint="h"), "two"]  # type: ignore[attr-defined]
    text = render_error(error, color=False)
    assert text == "[ERROR]: 2 problems in site.yml\n\n[ERROR]: one\nhint: h\n\n[ERROR]: two\n"


def test_a_problem_is_said_once_also_when_the_first_carries_them_all() -> None:
    error = StellaError("one", where="a.yml:1:1")
    others = [StellaError("one", where="a.yml:2:1"), StellaError("one", where="a.yml:2:1")]
    error.problems = [StellaError("one", where="a.yml:1:1"), *others, error]  # type: ignore[attr-defined]
    assert render_error(error, color=False).count("[ERROR]: one") == 2


def test_colours_and_controls() -> None:
    text = render_error(StellaError("bad \x1b[2J", where="w\x07", hint="h\x9b"), color=True)
    assert text == "\x1b[0;31m[ERROR]: bad \\x1b[2J\x1b[0m\n\n  w\\x07\n\x1b[0;36mhint: h\\x9b\x1b[0m\n"


def test_the_unexpected_is_our_defect_and_shows_no_traceback_below_vvv() -> None:
    try:
        raise KeyError("x")
    except KeyError as problem:
        quiet = render_unexpected(problem, color=False, verbosity=2)
        loud = render_unexpected(problem, color=False, verbosity=3)
    assert "[ERROR]: KeyError: 'x'" in quiet
    assert "defect in stella-ops" in quiet
    assert "Traceback" not in quiet
    assert "-vvv" in quiet
    assert "Traceback (most recent call last)" in loud


def test_groups_show_each_of_their_errors_once() -> None:
    same = StellaError("one")
    group = ExceptionGroup("g", [same, ExceptionGroup("h", [StellaError("one"), ValueError("v")])])
    text = render_exception(group, color=False)
    assert text.count("[ERROR]: one") == 1
    assert "[ERROR]: ValueError: v" in text
    assert "Traceback" not in text
    assert "Traceback" in render_exception(same, color=False, verbosity=3) or same.__traceback__ is None
