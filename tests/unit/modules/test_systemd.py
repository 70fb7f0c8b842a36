"""The decisions of the module, against a systemctl of a few lines; real systemd is met in the e2e tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from stella_ops.remote.lib import units
from stella_ops.remote.lib.task import run_module

MODULE = Path(__file__).parents[3] / "modules" / "systemd.py"
CHANGING = {"start", "stop", "restart", "reload", "enable", "disable", "mask", "unmask", "daemon-reload"}


class Unit:
    """demo.service, as the small systemctl keeps it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.write()

    def write(self, **properties: str) -> None:
        told = {
            "Id": "demo.service",
            "LoadState": "loaded",
            "ActiveState": "inactive",
            "UnitFileState": "disabled",
            "NeedDaemonReload": "no",
            "Broken": "no",
        }
        self.state.write_text("".join(f"{name}={value}\n" for name, value in {**told, **properties}.items()))
        self.log.write_text("")

    @property
    def log(self) -> Path:
        return self.state.with_name(self.state.name + ".log")

    def changes(self) -> list[str]:
        """The calls since ``write`` that change something, without the scope."""
        calls = [line.split() for line in self.log.read_text().splitlines()]
        return [" ".join(call[1:]) for call in calls if call[1] in CHANGING]

    def __call__(self, check: bool = False, **args):
        return run_module(MODULE, args, check_mode=check)


@pytest.fixture
def unit(tmp_path, monkeypatch):
    shutil.copy(Path(__file__).with_name("systemctl"), tmp_path / "systemctl")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("UNIT_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(units, "is_booted", lambda: True)
    return Unit(tmp_path / "state")


@pytest.mark.parametrize(
    ("properties", "wanted", "calls"),
    [
        ({}, {"state": "started"}, ["start -- demo.service"]),
        ({"ActiveState": "active"}, {"state": "started"}, []),
        ({"ActiveState": "activating"}, {"state": "started"}, []),
        ({"ActiveState": "failed"}, {"state": "started"}, ["start -- demo.service"]),
        ({"ActiveState": "active"}, {"state": "stopped"}, ["stop -- demo.service"]),
        ({"ActiveState": "deactivating"}, {"state": "stopped"}, ["stop -- demo.service"]),
        ({"ActiveState": "failed"}, {"state": "stopped"}, []),
        ({}, {"state": "restarted"}, ["start -- demo.service"]),
        ({"ActiveState": "active"}, {"state": "restarted"}, ["restart -- demo.service"]),
        ({"ActiveState": "active"}, {"state": "reloaded"}, ["reload -- demo.service"]),
        ({}, {"state": "reloaded"}, ["start -- demo.service"]),
        ({}, {"state": "started", "no_block": True}, ["start --no-block -- demo.service"]),
        ({}, {"enabled": True}, ["enable -- demo.service"]),
        ({"UnitFileState": "enabled"}, {"enabled": True}, []),
        ({"UnitFileState": "enabled-runtime"}, {"enabled": True}, ["enable -- demo.service"]),
        ({"UnitFileState": "enabled"}, {"enabled": False}, ["disable -- demo.service"]),
        ({"UnitFileState": "static"}, {"enabled": False}, []),
        ({"UnitFileState": "static"}, {"enabled": True}, []),
        ({}, {"enabled": True, "force": True}, ["enable --force -- demo.service"]),
        ({}, {"masked": True}, ["mask -- demo.service"]),
        ({"LoadState": "masked", "UnitFileState": "masked"}, {"masked": True}, []),
        (
            {"LoadState": "masked", "UnitFileState": "masked"},
            {"masked": False, "enabled": True, "state": "started"},
            ["unmask -- demo.service", "enable -- demo.service", "start -- demo.service"],
        ),
    ],
)
def test_only_what_differs_is_done(unit, properties, wanted, calls):
    unit.write(**properties)
    foretold = unit(check=True, name="demo", **wanted)
    assert foretold["failed"] is False, foretold
    assert unit.changes() == []
    result = unit(name="demo", **wanted)
    assert result["failed"] is False, result
    assert unit.changes() == calls
    assert foretold["changed"] is result["changed"] is bool(calls)
    assert result["name"] == "demo"
    if set(wanted.values()) & {"started", "stopped", True} and "force" not in wanted:
        assert unit(name="demo", **wanted)["changed"] is False


def test_result_tells_what_was_before_and_what_is_wanted(unit):
    """As ansible-core does: ``status`` is what systemd said before the module did anything."""
    result = unit(name="demo.service", state="started", enabled="yes")
    assert (result["state"], result["enabled"], result["changed"]) == ("started", True, True)
    assert (result["status"]["ActiveState"], result["status"]["UnitFileState"]) == ("inactive", "disabled")
    again = unit(name="demo.service")
    assert again["changed"] is again["failed"] is False and "state" not in again
    assert (again["status"]["ActiveState"], again["status"]["UnitFileState"]) == ("active", "enabled")


def test_a_unit_that_does_not_start_fails_with_its_words(unit):
    unit.write(Broken="yes")
    result = unit(name="demo", state="started")
    assert result["failed"] is True
    assert result["msg"].startswith("Unable to start service demo: Job for demo.service failed")
    assert result["status"]["ActiveState"] == "failed"


def test_an_unknown_unit_names_the_nearest(unit):
    result = unit(name="dmeo", state="started")
    assert result["msg"] == "Could not find the requested service dmeo: host"
    assert result["hint"] == "did you mean 'demo.service'?"
    foretold = unit(check=True, name="dmeo", state="started")
    assert (foretold["failed"], foretold["changed"]) == (False, True)
    assert "Could not find" in foretold["warnings"][0]


def test_a_masked_unit_is_neither_enabled_nor_started(unit):
    unit.write(LoadState="masked", UnitFileState="masked")
    assert "set masked: false" in unit(name="demo", enabled=True)["msg"]
    result = unit(name="demo", state="started")
    assert result["msg"] == "Unable to start service demo: Failed to start demo.service: Unit demo.service is masked."
    assert result["hint"] == "set masked: false"
    assert unit.changes() == []


def test_daemon_reload(unit):
    unit.write(NeedDaemonReload="yes")
    assert "daemon_reload" in unit(name="demo", state="started")["warnings"][0]
    unit.write(NeedDaemonReload="yes")
    result = unit(name="demo", state="started", daemon_reload=True)
    assert "warnings" not in result
    assert unit.changes() == ["daemon-reload", "start -- demo.service"]
    unit.write()
    assert unit(daemon_reload=True)["changed"] is False
    assert unit(check=True, daemon_reload=True)["changed"] is False
    assert unit.changes() == ["daemon-reload"]


def test_scope_reaches_systemctl(unit):
    unit(name="demo", state="started", scope="user")
    assert "user start -- demo.service" in unit.log.read_text()
    result = unit(name="demo", enabled=True, scope="global")
    assert result["changed"] is True
    assert "global enable -- demo.service" in unit.log.read_text()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"state": "started"}, "required by"),
        ({"name": "demo*", "state": "started"}, "glob patterns"),
        ({"name": "demo", "state": "started", "scope": "global"}, "not started"),
        ({"name": "demo", "state": "running"}, "must be one of"),
    ],
)
def test_arguments_that_make_no_sense(unit, args, words):
    result = unit(**args)
    assert result["failed"] is True
    assert words in result["msg"]
    assert unit.changes() == []


def test_a_host_without_systemd_is_told_the_plain_way(host):
    if units.is_booted():
        pytest.skip("this host runs systemd")
    result = host("systemd", name="demo", state="started")
    assert "this host does not run systemd (process 1 is '" in result["msg"]
    assert "plain process" in result["hint"]
    assert "exception" not in result
