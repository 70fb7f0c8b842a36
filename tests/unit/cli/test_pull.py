"""``stella-ops pull`` and the program ``ansible-pull``: repositories of git are real, and so is what is run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: "{{ inventory_hostname }} in {{ playbook_dir | basename }}, x is {{ x | default('nothing') }}"}
      tags: shown
    - debug: {msg: not asked for}
"""
SECRET = "canary-7f3a"

Pull = Callable[..., tuple[int, str, str]]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "local.yml").write_text(BOOK)
    (folder / "other.yml").write_text(BOOK.replace("debug:", "fail:", 1))
    (folder / "ansible.cfg").write_text("[defaults]\ninventory = hosts\n")
    (folder / "hosts").write_text("localhost ansible_connection=local\n")
    git(folder, "init", "-q")
    commit(folder)
    return folder


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "change")


@pytest.fixture
def pull(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Pull:
    """Runs it by either name on the repository; exit status, standard output and error."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STELLA_HOME", str(tmp_path / ".stella"))
    monkeypatch.setenv("ANSIBLE_DEVEL_WARNING", "0")

    def run(*words: object, name: str = "stella-ops", url: str | None = None) -> tuple[int, str, str]:
        start = f"import sys; sys.argv[0] = {name!r}\nfrom stella_ops.cli.entry import main; main()"
        given = ["-U", url or repository.as_uri(), "-d", str(tmp_path / "here"), *map(str, words)]
        asked = ["pull", *given] if name == "stella-ops" else given
        done = subprocess.run(
            [sys.executable, "-P", "-c", start, *asked], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize("name", ["stella-ops", "ansible-pull"])
def test_fetches_and_runs(pull: Pull, tmp_path: Path, name: str) -> None:
    status, out, err = pull("-e", "x=1", "-t", "shown", name=name)
    assert status == 0, err
    assert out.startswith("Starting Ansible Pull at ") and "localhost | CHANGED => {" in out
    # The repository's own ansible.cfg names the inventory.
    assert "localhost in here, x is 1" in out and "not asked for" not in out
    assert (tmp_path / "here" / "local.yml").is_file()


def test_nothing_new(pull: Pull, repository: Path) -> None:
    assert pull("--only-if-changed")[0] == 0
    status, out, _ = pull("--only-if-changed", "other.yml")
    assert status == 0 and out.endswith("Repository has not changed, quitting\n")
    (repository / "more").write_text("")
    commit(repository)
    status, out, _ = pull("--only-if-changed", "--purge", "other.yml")
    assert status == 2 and "failed=1" in out
    assert not (repository.parent / "here").exists()


def test_a_repository_that_cannot_be_fetched(pull: Pull, tmp_path: Path) -> None:
    lost = (tmp_path / "lost").as_uri()
    status, out, _ = pull(url=lost)
    assert status == 2 and "PLAY [" not in out
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "local.yml").write_text("- hosts: localhost\n  gather_facts: false\n")
    status, out, err = pull("--force", url=lost)
    assert status == 0 and "PLAY [localhost]" in out
    assert "[WARNING]: Unable to update repository. Continuing with (forced) run of playbook." in err


def test_wrong_usage(pull: Pull, tmp_path: Path) -> None:
    for words, said in (
        (("-m", "cvs"), "Unsupported repo module cvs, choices are git,subversion,hg,bzr"),
        (("-s", "soon"), "soon is not a number."),
        (("-d", Path(__file__)), "is not a valid or accessible directory."),
        (("local.yml", "nosuch.yml"), "Could not find a playbook to run."),
    ):
        status, _, err = pull(*words)
        assert status == 5 and said in err, err
    assert f"[WARNING]: {tmp_path / 'here' / 'nosuch.yml'}: File does not exist" in err


def test_a_password_in_the_url_is_not_shown(pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "told"
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    # Only to see the command lines of everything that is above it.
    program.write_text(
        f'#!/bin/sh\np=$PPID\nwhile [ "$p" -gt 1 ]; do tr "\\0" " " < /proc/$p/cmdline >> {told}; echo >> {told}; '
        "p=$(cut -d' ' -f4 /proc/$p/stat); done\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    status, out, err = pull(url=f"https://ops:{SECRET}@127.0.0.1:1/x.git")
    assert status == 2 and SECRET not in out + err
    ours = [line for line in told.read_text().splitlines() if "entry import main" in line]
    assert any("ansible_python_interpreter" in line for line in ours)
    # The command as it was called cannot help it.
    assert [SECRET in line for line in ours] == ["pull" in line.split() for line in ours]
