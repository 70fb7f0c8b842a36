import os
from pathlib import Path

import pytest

from stella_ops.content import module_path
from stella_ops.remote.lib import pidfile
from stella_ops.remote.lib.task import run_module


@pytest.fixture
def installed(host, package):
    assert host.install(package)["failed"] is False
    return host


def test_takes_everything_away_also_from_a_running_agent(installed):
    pid = installed.ok("agent_service", state="started")["pid"]
    result = installed.ok("agent_remove")
    assert result["changed"] is True
    assert not installed.prefix.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert installed.ok("agent_remove") == {"changed": False, "failed": False, "actions": []}


def test_check_mode_removes_nothing_and_foretells_the_same(installed):
    before = installed.tree()
    foretold = installed.ok("agent_remove", check=True)
    assert installed.tree() == before
    assert installed.ok("agent_remove")["actions"] == foretold["actions"]


def test_kept_data_is_still_there_and_goes_later(installed):
    Path(installed.layout.key).write_text("a key")
    result = installed.ok("agent_remove", keep_data=True)
    assert result["changed"] is True
    assert sorted(os.listdir(installed.prefix)) == [".stella-agent", "etc", "var"]
    assert Path(installed.layout.key).read_text() == "a key"
    assert installed.ok("agent_remove", keep_data=True)["changed"] is False
    assert installed.ok("agent_remove")["changed"] is True
    assert not installed.prefix.exists()


def test_other_peoples_files_in_the_prefix_stay(installed):
    (installed.prefix / "notes.txt").write_text("mine")
    result = installed.ok("agent_remove")
    assert os.listdir(installed.prefix) == ["notes.txt"]
    assert "there are other files" in result["warnings"][0]


def test_a_link_to_elsewhere_is_removed_but_not_followed(installed, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    os.rmdir(installed.layout.log)
    os.symlink(precious, installed.layout.log)
    installed.ok("agent_remove")
    assert (precious / "file").read_text() == "kept"


def test_a_folder_without_the_mark_is_refused(host):
    (host.prefix / "var").mkdir(parents=True)
    result = host.module("agent_remove")
    assert "no agent was installed there" in result["msg"]
    assert (host.prefix / "var").is_dir()


ABSURD = ["/", "//", "/usr", "/usr/", "/etc/../usr", "/var/lib", "/opt", "~", "~/", "~/..", "/home", "", "."]
ABSURD += ["agent", "/opt/stella-agent", "/var/lib/stella-agent/state", "/opt/stella-agent/../stella-agent"]


@pytest.mark.parametrize("prefix", ABSURD)
@pytest.mark.parametrize("name", ["agent_remove", "agent_service"])
def test_absurd_prefixes_are_refused(prefix, name, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    more = {"state": "stopped"} if name == "agent_service" else {}
    result = run_module(module_path(name), {"prefix": prefix, **more}, check_mode=True)
    assert result["failed"] is True
    assert "is refused" in result["msg"]


def test_a_link_to_an_absurd_prefix_is_refused(host, tmp_path):
    os.symlink("/usr", tmp_path / "innocent")
    result = host.module("agent_remove", check=True, prefix=str(tmp_path / "innocent"))
    assert "is refused" in result["msg"]


def test_an_agent_that_runs_without_its_package_is_not_left_running_unseen(installed):
    installed.ok("agent_service", state="started")
    package = Path(installed.layout.package)
    kept = package.read_bytes()
    package.unlink()
    result = installed.module("agent_remove")
    assert "package is gone" in result["msg"]
    assert pidfile.holder(installed.layout.pidfile) is not None
    package.write_bytes(kept)
    installed.ok("agent_remove")
