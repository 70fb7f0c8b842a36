"""The module service on a host with init scripts: a script of a few lines, in a folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.remote.lib import sysv, units
from stella_ops.remote.lib.task import run_module

MODULE = Path(__file__).parents[3] / "modules" / "service.py"


@pytest.fixture
def service(tmp_path, monkeypatch):
    script = tmp_path / "demo"
    script.write_text(
        f'#!/bin/sh\ncd {tmp_path}\necho "$@" >>log\ncase $1 in\n'
        "status) [ -e on ] && echo running || { echo stopped; exit 3; };;\n"
        "start) touch on;; stop) rm -f on;; reload) ;; *) exit 2;; esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr(sysv, "FOLDER", str(tmp_path))
    monkeypatch.setattr(units, "is_booted", lambda: False)
    monkeypatch.setattr(sysv, "has_openrc", lambda: False)

    def call(check: bool = False, **args):
        return run_module(MODULE, {"name": "demo", **args}, check_mode=check)

    return call


def test_a_script_is_started_and_stopped_when_it_is_not(service, tmp_path):
    assert service(state="started", check=True)["changed"] is True
    assert not (tmp_path / "on").exists()
    result = service(state="started")
    assert (result["changed"], result["state"], result["name"]) == (True, "started", "demo")
    assert service(state="started")["changed"] is False
    assert service(state="reloaded", arguments="now please")["changed"] is True
    assert (tmp_path / "log").read_text().splitlines()[-1] == "reload now please"
    assert service(state="restarted")["state"] == "started"
    assert (tmp_path / "log").read_text().splitlines()[-2:] == ["stop", "start"], "not every script can restart"
    result = service(state="stopped")
    assert (result["changed"], result["state"]) == (True, "stopped")
    assert service(state="stopped")["changed"] is False
    assert service(state="reloaded")["changed"] is True
    assert (tmp_path / "on").exists(), "what does not run is started"


def test_a_pattern_says_what_runs(service, tmp_path):
    assert service(state="started", pattern="no process is called like this")["changed"] is True
    assert "status" not in (tmp_path / "log").read_text()


def test_a_script_that_is_not_there(service):
    result = service(name="nothere", state="started")
    assert result["msg"] == "Could not find the requested service nothere: host"


def test_a_script_that_fails_tells_why(service, tmp_path):
    (tmp_path / "demo").write_text("#!/bin/sh\n[ $1 = status ] && exit 3\necho no room >&2\nexit 1\n")
    result = service(state="started")
    assert result["failed"] is True
    assert (result["msg"], result["rc"]) == ("no room", 1)
