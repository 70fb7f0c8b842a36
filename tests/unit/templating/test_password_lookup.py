"""``lookup('password')``: made once, kept for its owner alone, never half a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import TemplateError
from stella_ops.origins import Origin, SourceText
from stella_ops.templating.templar import Templar

Look = Callable[..., Any]


@pytest.fixture
def look(render, tmp_path: Path) -> Look:
    return lambda text: render(text, {"playbook_dir": str(tmp_path)})


def test_it_is_made_once_and_kept_for_its_owner(look: Look, tmp_path: Path) -> None:
    made = look("{{ lookup('password', 'a/b/secret') }}")
    path = tmp_path / "a" / "b" / "secret"
    assert len(made) == 20
    assert path.read_text() == made + "\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert look("{{ lookup('password', 'a/b/secret', length=5) }}") == made
    assert os.listdir(path.parent) == ["secret"]


def test_what_it_is_made_of(look: Look) -> None:
    assert set(look("{{ lookup('password', '/dev/null', chars=['digits'], length=50) }}")) <= set("0123456789")
    assert set(look("{{ lookup('password', '/dev/null chars=,,,x length=30') }}")) <= set(",x")
    assert look("{{ lookup('password', '/dev/null') }}") != look("{{ lookup('password', '/dev/null') }}")
    assert look("{{ lookup('password', '/dev/null', seed='s') }}") == look(
        "{{ lookup('password', '/dev/null', seed='s') }}"
    )


def test_its_hash_stays_the_same(look: Look, tmp_path: Path) -> None:
    plain = look("{{ lookup('password', 'p') }}")
    hashed = look("{{ lookup('password', 'p', encrypt='sha512_crypt') }}")
    assert hashed.startswith("$6$")
    assert look("{{ lookup('password', 'p encrypt=sha512_crypt') }}") == hashed
    assert (tmp_path / "p").read_text().startswith(f"{plain} salt=")
    assert look("{{ lookup('password', 'p') }}") == plain
    bcrypt = look("{{ lookup('password', 'q', encrypt='bcrypt') }}")
    assert bcrypt.startswith("$2b$12$")
    assert (tmp_path / "q").read_text().endswith(" ident=2b\n")
    assert look("{{ lookup('password', 'q', encrypt='bcrypt') }}") == bcrypt


def test_a_file_of_ansible_core_is_understood(look: Look, tmp_path: Path) -> None:
    (tmp_path / "p").write_text("a b salt=abcdefgh\n")
    assert look("{{ lookup('password', 'p') }}") == "a b"
    assert look("{{ lookup('password', 'p', encrypt='md5_crypt') }}").startswith("$1$abcdefgh$")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ lookup('password', 'p lenght=5') }}", "unknown option 'lenght'"),
        ("{{ lookup('password', 'p', lenght=5) }}", "unknown option 'lenght'"),
        ("{{ lookup('password', 'p', length='x') }}", "'length' is a number"),
        ("{{ lookup('password', 'p', chars=['\"']) }}", "names no characters"),
        ("{{ lookup('password', 'p', encrypt='rot13') }}", "rot13 is not in the list of supported"),
    ],
)
def test_misuse_makes_no_file(look: Look, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        look(text)
    assert list(tmp_path.iterdir()) == []


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    """Whoever asks while others write gets a whole password."""

    def ask(_: int) -> str:
        text = SourceText("{{ lookup('password', p, length=2000) }}", Origin("p.yml", 1))
        return str(Templar().render(text, {"p": str(tmp_path / "p")}))

    with ThreadPoolExecutor(8) as pool:
        assert {len(made) for made in pool.map(ask, range(40))} == {2000}
    assert os.listdir(tmp_path) == ["p"]
