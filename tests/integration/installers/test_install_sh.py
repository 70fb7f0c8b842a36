"""install.sh run for real, as a user without rights, into that user's home folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.agents.installers import install_script
from stella_ops.agents.platforms import Platform

pytestmark = pytest.mark.integration

TOKEN = "0123456789abcdef." + "s" * 43
SHELLS = {"dash": ("dash",), "bash": ("bash",), "posix-bash": ("bash", "--posix"), "busybox": ("busybox", "sh")}


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
def test_a_host_is_installed_upgraded_and_removed(fleet: Any, host: Any, shell: tuple[str, ...]) -> None:
    said = host.run(fleet.script("1.0.0"), "--token-stdin", shell=shell, stdin=fleet.token + "\n").stderr
    before = host.check_healthy("1.0.0")
    assert fleet.token not in said and "s" * 43 not in said
    assert len(fleet.server.enrolled) == 1

    again = host.run(fleet.script("1.0.0"), shell=shell).stderr
    assert host.check_healthy("1.0.0")["pid"] == before["pid"], again

    host.run(fleet.script("1.1.0"), shell=shell)
    after = host.check_healthy("1.1.0")
    assert after["identity_public_key_sha256"] == before["identity_public_key_sha256"]
    assert len(fleet.server.enrolled) == 1

    host.run(fleet.script("1.1.0"), "--uninstall", shell=shell)
    assert host.files() == []
    assert "nothing to remove" in host.run(fleet.script("1.1.0"), "--uninstall", shell=shell).stderr


def test_busybox_alone_is_enough(fleet: Any, host: Any, make_path: Callable[..., str]) -> None:
    """Not one GNU tool: BusyBox's applets, a Python, and openssl for the signature (as on Alpine)."""
    path = make_path("python3", "openssl", busybox=True)
    shell = (f"{path}/sh",)
    host.run(fleet.script("1.0.0"), f"--token={fleet.token}", shell=shell, path=path)
    host.check_healthy("1.0.0")
    host.run(fleet.script("1.0.0"), "--uninstall", shell=shell, path=path)
    assert host.files() == []


def test_piped_as_the_one_line_command_has_it(fleet: Any, host: Any) -> None:
    """The script is bash's standard input, so nothing that it starts may read from there."""
    pin = f"--insecure --pinnedpubkey 'sha256//{fleet.identity.public_key_pin}'"
    line = f"curl -sSL --fail {pin} {fleet.server.url}/install.sh | bash -s -- --token {fleet.token}"
    fleet.server.files["/install.sh"] = fleet.script("1.0.0").encode()
    host.command(["bash", "-c", line])
    host.check_healthy("1.0.0")


def test_a_server_with_another_key_gets_no_say(fleet: Any, host: Any) -> None:
    fleet.server.files["/install.sh"] = b"touch pwned\n"
    wrong = "A" * 43 + "="
    line = f"curl -sSL --fail --insecure --pinnedpubkey 'sha256//{wrong}' {fleet.server.url}/install.sh | bash -s --"
    host.command(["bash", "-c", line])
    assert host.files() == [] and fleet.server.asked == []


@pytest.mark.parametrize("way", ["file", "environment", "environment-file", "embedded", "stdin-without-newline"])
def test_every_way_to_give_a_token(fleet: Any, host: Any, way: str) -> None:
    (host.folder / "token").write_text(fleet.token + "\n")
    script = fleet.script("1.0.0", token=fleet.token if way == "embedded" else None)
    args, env, stdin = {
        "file": (("--token-file", "token"), {}, None),
        "environment": ((), {"STELLA_BOOTSTRAP_TOKEN": fleet.token}, None),
        "environment-file": ((), {"STELLA_BOOTSTRAP_TOKEN_FILE": str(host.folder / "token")}, None),
        "embedded": ((), {}, None),
        "stdin-without-newline": (("--token-stdin",), {}, fleet.token),
    }[way]
    fleet.server.name, fleet.server.environment = "web-1", "prod"
    done = host.run(script, "--name", "web-1", "--environment", "prod", *args, env=env, stdin=stdin)
    status = host.check_healthy("1.0.0")
    assert (status["name"], status["environment"]) == ("web-1", "prod")
    assert fleet.token not in done.stdout + done.stderr
    for pid in (status["pid"], int((host.prefix / "run/supervisor.pid").read_text())):
        for about in ("cmdline", "environ"):
            assert b"s" * 43 not in Path(f"/proc/{pid}/{about}").read_bytes()
    for file in filter(os.path.isfile, host.files()):
        assert b"s" * 43 not in Path(file).read_bytes(), file


@pytest.mark.parametrize("way", ["--token-stdin", "environment"])
def test_while_it_enrols_no_process_shows_the_token(fleet: Any, host: Any, way: str) -> None:
    script = fleet.script("1.0.0")
    if way == "environment":
        host.run(script, "--no-start", env={"STELLA_BOOTSTRAP_TOKEN": fleet.token})
        # A process's first environment can be seen as long as it lives: the script's own, and none that it started.
        assert [line for line in fleet.server.token_seen_in if "install.sh" not in line] == []
    else:
        host.run(script, "--no-start", way, stdin=fleet.token)
        assert fleet.server.token_seen_in == []


def test_the_package_can_travel_inside_the_script(fleet: Any, host: Any) -> None:
    source = fleet.publish("1.0.0")
    script = install_script(Platform.LINUX, fleet.sealed(source), token=fleet.token, package=fleet.packages["1.0.0"])
    host.run(script)
    host.check_healthy("1.0.0")
    assert not [path for path in fleet.server.asked if path.startswith("/packages")]


def test_a_script_without_its_signatures_trusts_its_own_checksum(fleet: Any, host: Any) -> None:
    package = fleet.packages.setdefault("1.0.0", b"") or (fleet.publish("1.0.0"), fleet.packages["1.0.0"])[1]
    host.run(install_script(Platform.LINUX, fleet.publish("1.0.0"), token=fleet.token, package=package))
    host.check_healthy("1.0.0")
    damaged = install_script(Platform.LINUX, fleet.publish("1.0.1"), token=fleet.token, package=package + b"x")
    assert "not what it should be" in host.run(damaged, expect=5).stderr
    host.check_healthy("1.0.0")


def test_check_changes_nothing_and_says_what_would_be(fleet: Any, host: Any) -> None:
    said = host.run(fleet.script("1.0.0"), "--check").stderr
    assert "would get version 1.0.0" in said and "would enrol with https://localhost" in said
    assert host.files() == [] and fleet.server.asked == []
    host.run(fleet.script("1.0.0"), "--token", fleet.token)
    listed = host.files()
    said = host.run(fleet.script("1.1.0"), "--check").stderr
    assert f"would switch {host.prefix}/current to 1.1.0" in said and "would enrol" not in said
    assert f"would remove {host.prefix}/var" in host.run(fleet.script("1.1.0"), "--uninstall", "--check").stderr
    host.check_healthy("1.0.0")
    assert set(listed) - set(host.files()) == set()


def test_no_start_leaves_it_enrolled_and_still(fleet: Any, host: Any) -> None:
    host.run(fleet.script("1.0.0"), "--token", fleet.token, "--no-start")
    status = host.status()
    assert (status["running"], status["agent_id"]) == (False, fleet.server.enrolled and status["agent_id"])
    assert status["certificate"]
    host.run(fleet.script("1.0.0"))
    host.check_healthy("1.0.0")
    assert len(fleet.server.enrolled) == 1


def test_the_identity_can_be_kept(fleet: Any, host: Any) -> None:
    host.run(fleet.script("1.0.0"), "--token", fleet.token)
    key = host.status()["identity_public_key_sha256"]
    host.run(fleet.script("1.0.0"), "--uninstall", "--keep-identity")
    assert (host.prefix / "var/identity/agent.key").exists() and not (host.prefix / "current").exists()
    host.run(fleet.script("1.0.0"))
    assert host.check_healthy("1.0.0")["identity_public_key_sha256"] == key
    assert len(fleet.server.enrolled) == 1


def test_a_version_that_does_not_get_healthy_gives_way_to_the_one_before(fleet: Any, host: Any) -> None:
    host.run(fleet.script("1.0.0"), "--token", fleet.token)
    source = fleet.publish("2.0.0", broken=True)
    said = host.run(install_script(Platform.LINUX, source), "--wait", "5", expect=7).stderr
    assert "Version 1.0.0 was put back and runs" in said
    host.check_healthy("1.0.0")
    assert os.listdir(host.prefix / "versions") == ["1.0.0"]
    host.run(fleet.script("2.0.1"))
    host.check_healthy("2.0.1")


def test_a_token_that_is_refused_can_be_followed_by_a_good_one(fleet: Any, host: Any) -> None:
    wrong = fleet.token.replace("s" * 43, "w" * 43)
    said = host.run(fleet.script("1.0.0"), "--token", wrong, expect=6).stderr
    assert "not enrolled" in said and "run this again" in said and "w" * 43 not in said
    host.run(fleet.script("1.0.0"), "--token", fleet.token)
    host.check_healthy("1.0.0")


def test_an_enrolment_that_was_not_answered_is_tried_again(fleet: Any, host: Any) -> None:
    source = fleet.publish("1.0.0")
    script = install_script(Platform.LINUX, fleet.sealed(source), package=fleet.packages["1.0.0"])
    fleet.server.failing = 1  # nothing is downloaded: the first request is the enrolment's, for the CA
    assert "once more" in host.run(script, "--token", fleet.token, "--no-start").stderr
    assert len(fleet.server.enrolled) == 1
    fleet.server.failing = 1000
    (host.prefix / "etc/agent.json").unlink()
    said = host.run(script, "--token", fleet.token, "--no-start", expect=6).stderr
    assert "was not reached" in said and "run this again" in said


def test_a_prefix_of_any_name(fleet: Any, host: Any) -> None:
    prefix = host.folder / 'it\'s $HOME "here" ü'
    host.run(fleet.script("1.0.0"), "--token", fleet.token, "--prefix", prefix.name)
    told = host.command(
        ["/usr/bin/python3", str(prefix / "current/stella-agent.pyz"), "status", "--prefix", str(prefix)]
    )
    assert '"running": true' in told.stdout
    host.run(fleet.script("1.0.0"), "--uninstall", "--prefix", str(prefix))
    assert host.files() == []


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        ((), 2, "there is no token"),
        (("--token", "a b"), 2, "no bootstrap token"),
        (("--token",), 2, "--token needs a value"),
        (("--token=",), 2, "needs a value that is not empty"),
        (("--token-file", "nowhere"), 2, "nowhere cannot be read"),
        (("--frobnicate",), 2, "unknown option '--frobnicate'"),
        (("--wait", "soon"), 2, "no number of seconds"),
        (("--prefix", "/", "--token", TOKEN), 2, "is not one agent's own folder"),
        (("--prefix", "/etc", "--token", TOKEN), 2, "refused"),
        (("--python", "/nowhere/python3", "--token", TOKEN), 3, "as /nowhere/python3"),
        (("--python", "/bin/true", "--token", TOKEN), 3, "older than 3.6, or broken"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_done(
    fleet: Any, host: Any, args: tuple[str, ...], status: int, words: str
) -> None:
    done = host.run(fleet.script("1.0.0"), *args, expect=status)
    assert words in done.stderr, done.stderr
    assert host.files() == [] and fleet.server.asked == []


def test_uninstall_refuses_a_folder_that_is_no_agent_s(fleet: Any, host: Any) -> None:
    (host.folder / ".stella-agent").mkdir()
    (host.folder / ".stella-agent" / "thesis.txt").write_text("three years of work")
    assert "no agent was installed there" in host.run(fleet.script("1.0.0"), "--uninstall", expect=1).stderr
    assert (host.folder / ".stella-agent" / "thesis.txt").exists()


def test_what_others_laid_into_the_folder_stays(fleet: Any, host: Any) -> None:
    host.run(fleet.script("1.0.0"), "--token", fleet.token)
    (host.prefix / "notes").write_text("mine")
    assert "is kept" in host.run(fleet.script("1.0.0"), "--uninstall").stderr
    assert host.files() == [str(host.prefix), str(host.prefix / "notes")]


def test_help_and_version_need_nothing(fleet: Any, host: Any, make_path: Callable[..., str]) -> None:
    path = make_path()
    assert "Exit status:" in host.run(fleet.script("1.0.0"), "--help", path=path).stdout
    assert host.run(fleet.script("1.0.0"), "--version", path=path).stdout == "1.0.0\n"


def test_without_python_it_says_so(fleet: Any, host: Any, make_path: Callable[..., str]) -> None:
    if os.path.exists("/usr/local/bin/python3") or os.path.exists("/usr/libexec/platform-python"):
        pytest.skip("this machine has a Python where none can be hidden")
    done = host.run(fleet.script("1.0.0"), "--token", fleet.token, path=make_path("curl"), expect=3)
    assert "no Python 3.6 or newer was found" in done.stderr and "install python3" in done.stderr
    assert host.files() == []


@pytest.mark.oldest_and_newest
def test_an_agent_of_every_python(fleet: Any, host: Any, interpreter: Path) -> None:
    """What the script runs by Python runs on each that agents run on."""
    if os.geteuid() == 0 and str(interpreter).startswith("/root/"):
        prefix = host.folder / "p"
        words = ["sh", "-s", "--", "--python", str(interpreter), "--prefix", str(prefix), "--token", fleet.token]
        script = fleet.script("1.0.0")
        done = subprocess.run(words, input=script, text=True, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        subprocess.run([interpreter, prefix / "current/stella-agent.pyz", "stop", "--prefix", prefix], check=True)
    else:
        host.run(fleet.script("1.0.0"), "--python", str(interpreter), "--token", fleet.token)
        host.check_healthy("1.0.0")
