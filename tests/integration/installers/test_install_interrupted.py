"""install.sh killed outright, at each of its steps and at any moment, and run again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.agents.installers import install_script
from stella_ops.agents.platforms import Platform

pytestmark = pytest.mark.integration

# bash runs this before every simple command of the script, which knows nothing of it.
_EACH = """
set -T
n=0
at() {
    [ "$BASHPID" = "$$" ] || return 0
    n=$((n + 1))
    [ -z "$list" ] || printf '%s\\0' "$1" >>"$list"
    [ "$n" != "$kill_at" ] || kill -KILL "$$"
}
script=$1 list=$2 kill_at=$3
shift 3
trap 'at "$BASH_COMMAND"' DEBUG
. "$script"
"""


def run_step_by_step(host: Any, script: str, *args: str, kill_at: int | None = None) -> list[str]:
    """Run under bash; the commands run by the script's own shell. With ``kill_at`` it is killed before that one."""
    (host.folder / "install.sh").write_text(script)
    listing = host.folder / "tmp" / "list"
    words = ["bash", "-c", _EACH, "bash", str(host.folder / "install.sh")]
    words += ["", str(kill_at), *args] if kill_at else [str(listing), "", *args]
    host.command(words, expect=-signal.SIGKILL if kill_at else 0)
    if kill_at:
        return []
    commands = listing.read_bytes().decode().split("\0")[:-1]
    listing.unlink()
    return commands


def steps_of(commands: list[str]) -> list[int]:
    """The numbers of the commands that do something."""
    words = ("steps ", "curl ", "mktemp", "mkdir ", "openssl ", "enrol", "printf ", "rm ")
    doing = [number for number, command in enumerate(commands, 1) if command.startswith(words)]
    # Those of say and fail are one printf each; the first and the last stand for all.
    return [number for number in doing if not commands[number - 1].startswith("printf 'stella-agent")] + doing[-1:]


@pytest.mark.timeout(300)
def test_killed_at_each_step_of_a_first_install(fleet: Any, make_host: Callable[[], Any]) -> None:
    script = fleet.script("1.0.0")
    commands = run_step_by_step(make_host(), script, "--token", fleet.token, "--no-start")
    steps = steps_of(commands)
    assert len(steps) > 8, commands
    host = make_host()
    for number in steps:
        run_step_by_step(host, script, "--token", fleet.token, "--no-start", kill_at=number)
        host.run(script, "--token", fleet.token, "--no-start")
        status = host.status()
        assert status["certificate"] and status["config_revision"] == 1, commands[number - 1]
        assert host.temporary() == [], commands[number - 1]
        shutil.rmtree(host.prefix)
    # And once with the start, killed just before it.
    last = max(n for n, command in enumerate(commands, 1) if command.startswith("say "))
    run_step_by_step(host, script, "--token", fleet.token, kill_at=last)
    host.run(script, "--token", fleet.token)
    host.check_healthy("1.0.0")
    host.run(script, "--uninstall")
    assert host.files() == []


@pytest.mark.timeout(300)
def test_killed_at_each_step_of_an_upgrade(fleet: Any, host: Any) -> None:
    """The old version runs on until the new one is there, and the next run completes what was begun."""
    host.run(fleet.script("1.0.0"), "--token", fleet.token)
    commands = run_step_by_step(host, fleet.script("1.0.1"))
    version = "1.0.1"
    for turn, number in enumerate(steps_of(commands)):
        running = host.check_healthy(version)["pid"]
        version = f"1.1.{turn}"
        script = fleet.script(version)
        run_step_by_step(host, script, kill_at=number)
        status = host.status()
        assert status["running"], commands[number - 1]
        assert status["pid"] == running or status["running_version"] == version, commands[number - 1]
        host.run(script)
    host.check_healthy(version)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("upgrade", [False, True], ids=["first", "upgrade"])
def test_killed_with_all_that_it_started_at_any_moment(fleet: Any, make_host: Callable[[], Any], upgrade: bool) -> None:
    """Moments spread over the whole run: inside the Python that writes the files, too."""
    host = make_host()
    if upgrade:
        host.run(fleet.script("0.9.0"), "--token", fleet.token)
    ended, turn = False, 0
    while not ended:
        version = f"1.0.{turn}"
        script = install_script(Platform.LINUX, fleet.publish(version), token=fleet.token)
        (host.folder / "install.sh").write_text(script)
        process = subprocess.Popen(
            ["sh", "install.sh"],
            cwd=host.folder,
            env=host.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **host.identity,
        )
        try:
            process.wait(timeout=0.1 + turn * turn * 0.05)  # a moment, not a wait for something
            ended = True
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if upgrade:
            # It is down only if the kill came between the stop and the start of a restart.
            assert host.status()["running"] or os.readlink(host.prefix / "current") == f"versions/{version}"
        host.run(script)
        host.check_healthy(version)
        if not upgrade:
            host.run(script, "--uninstall")
            assert host.files() == []
        turn += 1
    assert turn > 2


def test_interrupted_from_the_keyboard_it_leaves_what_was_there(fleet: Any, host: Any) -> None:
    """Ctrl-C while the new version is not healthy yet: the old one is put back by the run itself."""
    host.run(fleet.script("1.0.0"), "--token", fleet.token)
    source = fleet.publish("2.0.0", broken=True)
    (host.folder / "install.sh").write_text(install_script(Platform.LINUX, source))
    process = subprocess.Popen(
        ["sh", "install.sh", "--wait", "50"],
        cwd=host.folder,
        env=host.environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **host.identity,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "starting the agent" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert os.readlink(host.prefix / "current") == "versions/1.0.0"
    host.run(fleet.script("1.0.0"))
    host.check_healthy("1.0.0")
    assert host.temporary() == []
