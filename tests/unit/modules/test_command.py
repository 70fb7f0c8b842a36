from __future__ import annotations

import time
from datetime import datetime

import pytest


def test_result_has_the_keys_of_ansible_core(host):
    result = host("command", _raw_params="echo 'two  words' end")
    assert result["cmd"] == ["echo", "two  words", "end"]
    assert (result["rc"], result["stdout"], result["stderr"]) == (0, "two  words end", "")
    assert result["stdout_lines"] == ["two  words end"]
    assert result["stderr_lines"] == []
    assert result["changed"] is True
    started = datetime.strptime(result["start"], "%Y-%m-%d %H:%M:%S.%f")
    assert datetime.strptime(result["end"], "%Y-%m-%d %H:%M:%S.%f") >= started
    assert result["delta"].startswith("0:00:0")


def test_a_status_fails_the_task_and_keeps_the_output(host):
    result = host("shell", cmd="echo out; echo err >&2; exit 7")
    assert result["failed"] is True
    assert (result["rc"], result["stdout"], result["stderr"]) == (7, "out", "err")
    assert result["msg"] == "non-zero return code"


def test_death_by_signal(host):
    result = host("shell", cmd="kill -9 $$")
    assert result["rc"] == -9
    assert result["msg"] == "non-zero return code"


def test_a_program_that_is_not_there(host):
    result = host("command", argv=["no-such-program-here"])
    assert result["failed"] is True
    assert result["rc"] == 2
    assert result["msg"] == "Error executing command."
    assert result["_hint"] == "[Errno 2] No such file or directory: b'no-such-program-here'"
    assert "exception" not in result


@pytest.mark.parametrize("args", [{}, {"cmd": ""}, {"cmd": "  "}, {"argv": []}, {"cmd": "a", "argv": ["b"]}])
def test_a_command_must_be_given_once(host, args):
    assert host("command", **args)["failed"] is True


def test_an_open_quote_is_a_clear_failure(host):
    result = host("command", cmd="echo 'open")
    assert result["msg"].endswith("No closing quotation")
    assert "exception" not in result


def test_command_has_no_shell_but_expands_variables(host):
    result = host("command", cmd="echo $COLOUR; ls", environment={"COLOUR": "red"})
    assert result["stdout"] == "red; ls"
    result = host("command", argv=["echo", "$COLOUR"], expand_argument_vars=False)
    assert result["stdout"] == "$COLOUR"


def test_shell_has_pipes_and_its_executable(host):
    assert host("shell", _raw_params="printf 'b\\na\\n' | sort")["stdout_lines"] == ["a", "b"]
    assert host("shell", cmd="echo ${BASH_VERSION:+bash}", executable="/bin/bash")["stdout"] == "bash"


@pytest.mark.parametrize("module", ["command", "shell"])
@pytest.mark.parametrize("check", [False, True])
def test_creates_and_removes(host, module, check):
    (host.folder / "there-1").touch()
    ran = host(module, cmd="touch made", creates="there-*", chdir=str(host.folder), check=check)
    assert ran["changed"] is False
    assert "'there-*' exists" in ran["msg"]
    ran = host(module, cmd="touch made", removes="nothing-*", chdir=str(host.folder), check=check)
    assert ran["changed"] is False
    ran = host(module, cmd="touch made", creates="absent", removes="there-1", chdir=str(host.folder), check=check)
    assert ran["changed"] is True
    assert (host.folder / "made").exists() is not check


def test_check_mode_skips_what_cannot_be_foretold(host):
    result = host("command", cmd="touch made", check=True)
    assert result["skipped"] is True
    assert result["changed"] is False
    assert not (host.folder / "made").exists()


def test_stdin(host):
    assert host("command", argv=["cat"], stdin="a\nb")["stdout"] == "a\nb"
    counted = host("shell", cmd="wc -c", stdin="ab", stdin_add_newline=False)
    assert counted["stdout"].strip() == "2"
    assert host("shell", cmd="cat; echo end")["stdout"] == "end", "without stdin it is empty, not ours"


def test_large_stdin_to_a_program_that_closed_its_output(host):
    target = host.folder / "big"
    host("shell", cmd=f"exec cat >{target} 2>&1", stdin="x" * 2_000_000)
    assert target.stat().st_size == 2_000_001


def test_large_output_on_both_pipes_is_whole(host):
    result = host("shell", cmd="head -c 3000000 /dev/zero | tr '\\0' a; head -c 3000000 /dev/zero | tr '\\0' b >&2")
    assert (len(result["stdout"]), len(result["stderr"])) == (3_000_000, 3_000_000)


def test_strip_empty_ends(host):
    assert host("shell", cmd="printf 'a\\n\\n'")["stdout"] == "a"
    assert host("shell", cmd="printf 'a\\n\\n'", strip_empty_ends=False)["stdout"] == "a\n\n"


def test_bytes_that_are_no_text(host):
    assert host("command", argv=["printf", "a\\377b"])["stdout"] == "a\ufffdb"


@pytest.mark.parametrize("rest", ["", "; exit 3"])
def test_a_daemon_left_behind_does_not_hold_the_task(host, rest):
    began = time.monotonic()
    result = host("shell", cmd="sleep 30 & echo $!" + rest)
    assert time.monotonic() - began < 5
    assert result["rc"] == (3 if rest else 0)
    host("command", argv=["kill", result["stdout"]])


def test_a_noisy_daemon_does_not_hold_the_task_either(host):
    began = time.monotonic()
    result = host("shell", cmd="yes & echo $! >&2")
    assert time.monotonic() - began < 5
    host("command", argv=["kill", result["stderr"].split()[0]])


def test_a_folder_that_is_not_there(host):
    result = host("command", cmd="true", chdir="/no/such/folder")
    assert result["msg"] == "Unable to change directory before execution."
