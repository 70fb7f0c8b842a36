from __future__ import annotations

import os
import tempfile

SCRIPT = b'#!/bin/sh\necho "$# $1 [$2] $0"\necho err >&2\npwd\n[ "$1" != bad ] || exit 3\n'


def test_runs_and_leaves_nothing(host):
    result = host("script", _name="s.sh", _rest=" one 'two  three'", chdir="/", content=SCRIPT)
    first, second = result["stdout_lines"]
    assert first.startswith("2 one [two  three] ")
    assert (second, result["stderr"], result["rc"], result["changed"]) == ("/", "err\n", 0, True)
    path = first.rpartition(" ")[2]
    assert os.path.basename(path) == "s.sh"
    assert path.startswith(tempfile.gettempdir())
    assert not os.path.exists(os.path.dirname(path))


def test_fails_with_the_scripts_status(host):
    result = host("script", _name="s.sh", _rest=" bad", content=SCRIPT)
    assert (result["failed"], result["rc"], result["msg"]) == (True, 3, "non-zero return code")


def test_executable(host):
    result = host("script", _name="my s", executable="cat", content=b"text\n")
    assert result["stdout"] == "text\n"


def test_when_it_does_not_run(host):
    assert host("script", _name="s", creates="/etc/passwd")["skipped"] is True
    assert host("script", _name="s", removes="/etc/none")["skipped"] is True
    assert host("script", _name="s", check=True)["skipped"] is True
    assert host("script", _name="s", removes="/etc/passwd", check=True)["changed"] is True
    assert host("script", _name="s")["need_content"] is True
    assert "cannot run" in host("script", _name="s", chdir="/none", content=SCRIPT)["msg"]
