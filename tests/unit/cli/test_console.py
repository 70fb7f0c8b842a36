"""``stella-ops console`` and the program ``ansible-console``: lines go in, results of real local hosts come out."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

INVENTORY = """\
[web]
a
b
[all:vars]
ansible_connection=local
"""

Said = tuple[list[tuple[str, str]], str]


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Says lines to it; what it answered to each after its prompt, and standard error. It must end with 0."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("STELLA_HOME", str(tmp_path / ".stella"))
    (tmp_path / "hosts").write_text(INVENTORY)

    def run(*lines: str, name: str = "ansible-console", options: tuple[str, ...] = ()) -> Said:
        start = f"import sys; sys.argv[0] = {name!r}\nfrom stella_ops.cli.entry import main; main()"
        words = [*([] if name.startswith("ansible") else ["console"]), "-i", "hosts", "-f", "1", "-u", "me", *options]
        done = subprocess.run(
            [sys.executable, "-P", "-c", start, *words],
            input="\n".join(lines) + "\n",
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        answers, prompt = [], ""
        intro, *parts = done.stdout.split("me@")
        assert intro == "Welcome to the ansible console. Type help or ? to list commands.\n\n"
        for part in parts:
            prompt, sign, answer = part.partition("$ ") if "$ " in part else part.partition("# ")
            answers.append((prompt + sign, answer))
        assert len(answers) == len(lines) + 1  # the end of the input is one, too
        return answers, done.stderr

    return run


def test_modules_and_shell_commands(talk: Callable[..., Said]) -> None:
    answers, err = talk(
        "# nothing",
        "",
        "ping",
        "!echo hi | tr a-z A-Z",
        "echo debug",
        "ansible.builtin.debug msg={{ inventory_hostname }}",
    )
    told = [answer for _, answer in answers]
    assert told[:2] == ["", ""]
    assert told[2].count('"ping": "pong"') == 2
    assert told[3] == "a | CHANGED | rc=0 >>\nHI\nb | CHANGED | rc=0 >>\nHI\n"
    assert told[4] == "a | CHANGED | rc=0 >>\ndebug\nb | CHANGED | rc=0 >>\ndebug\n"
    assert '"msg": "a"' in told[5] and '"msg": "b"' in told[5]
    assert told[6] == "\nAnsible-console was exited.\n"
    assert err == ""


def test_choosing_hosts(talk: Callable[..., Said]) -> None:
    lines = ("list", "list groups", "list x", "cd web:!a", "list", "cd nosuch", "cd", "cd /", "cd b", "ping")
    answers, err = talk(*lines)
    assert [answer for _, answer in answers[:6]] == [
        "a\nb\n",
        "all\nungrouped\nweb\n",
        "List the hosts in the current group or a list of groups if you add 'groups'.\n",
        "",
        "b\n",
        "no host matched\n",
    ]
    assert [prompt for prompt, _ in answers[3:]] == [
        "all (2)[f:1]$ ",
        *["web:!a (1)[f:1]$ "] * 3,
        "* (2)[f:1]$ ",
        "all (2)[f:1]$ ",
        "b (1)[f:1]$ ",
        "b (1)[f:1]$ ",
    ]
    assert answers[9][1].startswith("b | SUCCESS") and "a |" not in answers[9][1]
    assert err == (
        '[ERROR]: Invalid option passed to "list"\n[WARNING]: Could not match supplied host pattern, ignoring: nosuch\n'
    )


def test_settings_hold_for_what_follows(talk: Callable[..., Said], tmp_path: Path) -> None:
    answers, err = talk(
        *("check yes", f"command touch {tmp_path}/never", "check no", "diff yes", "forks 2", "forks 0", "forks x"),
        *("timeout 1", "timeout -1", "timeout x", "become yes", "become_user nobody", "become no", "verbosity 1"),
        *("!sleep 30", "become", "check", "diff", "forks", "timeout", "verbosity", "become_user", "become_method"),
    )
    told = [answer for _, answer in answers]
    assert told[0] == "check mode changed to True\n"
    assert told[1] == "a | SKIPPED\nb | SKIPPED\n" and not (tmp_path / "never").exists()
    assert told[2:4] == ["check mode changed to False\n", "diff mode changed to True\n"]
    assert told[5] == "forks must be greater than or equal to 1\n"
    assert [prompt for prompt, _ in answers[10:14]] == [
        "all (2)[f:2]$ ",
        "all (2)[f:2]# ",
        "all (2)[f:2]$ ",
        "all (2)[f:2]$ ",
    ]
    assert told[13] == "verbosity level set to 1\n"
    assert "Timed out after 1 second" in told[14]
    assert [line.partition(" ")[0] for line in told[15:23]] == [*["Please"] * 3, *["Usage:"] * 3, *["Please"] * 2]
    assert [line.partition(":")[2].split(",")[0] for line in err.splitlines()] == [
        ' Invalid argument for "forks"',
        " The timeout must be greater than or equal to 1",
        " The timeout must be a valid positive integer",
    ]


def test_what_fails_ends_nothing(talk: Callable[..., Said]) -> None:
    lines = ("fail msg=oh", "copy nonsense", "help ping", "help nosuch", "help list", "cd nosuch")
    answers, err = talk(*lines, name="stella-ops")
    told = [answer for _, answer in answers]
    assert told[0].count("FAILED! =>") == 2
    assert told[1].count("does not support raw params") == 3
    assert told[2].startswith("Answer pong") and "Parameters:\n  data" in told[2]
    assert told[4].startswith("List the chosen hosts")
    assert told[-1] == "\nLeft the console.\n"
    assert "[ERROR]: nosuch is not a valid command" in err and "Traceback" not in err
    assert told[5] == "no host matched\n" and "'nosuch' matches no host" in err


def test_a_persons_lines_are_kept_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("STELLA_HOME", str(tmp_path / ".stella"))
    (tmp_path / "hosts").write_text(INVENTORY)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "stella_ops", "console", "-i", "hosts"],
        cwd=tmp_path,
        env={**os.environ, "TERM": "dumb", "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    for line in (b"list", b" cd a", b"exit"):
        while not said.rstrip().endswith(b"$"):
            said += os.read(ours, 4096)
        said = b""
        os.write(ours, line + b"\n")
    assert process.wait(60) == 0
    os.close(ours)
    (file,) = tmp_path.rglob("console_history")
    assert file.read_text().split("\n")[:2] == ["list", "exit"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_must_find_hosts(stella: Callable[..., Any], hosts: Path) -> None:
    said = stella("console", "-i", hosts, "-l", "nosuch")
    assert said.status == 1 and "no hosts to target" in said.err
