"""agent_checkpoint and agent_restore: whatever comes in between, the host ends as it was."""

import json
import os
import shutil
import signal
import stat
from pathlib import Path

import pytest

CONFIG = {"agent_id": "a-1", "agent_name": "web-01", "environment": "test"}
VOLATILE = ("run", "log", "var/state", "var/spool", "var/queue")
# The oldest, the newest and the system's: these tests install, enrol and start agents, which takes its time.
pytestmark = pytest.mark.parametrize("host_python", ["3.6", "3.13", "system"], indirect=True)


@pytest.fixture
def installed(host, package):
    assert host.install(package)["failed"] is False
    return host


@pytest.fixture
def enrolled(installed):
    """An agent with a key, something that stands for a certificate, and a configuration."""
    enrol(installed)
    return installed


def enrol(host, name="first", revision=1, **config):
    params = {"agent_id": "a-1", "name": "web-01", "environment": "test", "token": host.token}
    wanted = {"config": {**CONFIG, **config}, "revision": revision}
    asked = [{"method": "csr", "params": params}, {"method": "apply-config", "params": wanted}]
    responses = host.ok("agent_rpc", requests=asked)["responses"]
    assert all(response["ok"] for response in responses), responses
    Path(host.layout.certificate).write_text(f"{name} certificate")
    Path(host.layout.ca).write_text(f"{name} root")


def take(host):
    return host.ok("agent_checkpoint")["checkpoint"]


def restore(host, before, **more):
    return host.ok("agent_restore", checkpoint=before, **more)


def steady(host):
    """The tree without what a running agent writes."""
    return {path: what for path, what in host.tree().items() if not path.startswith(VOLATILE)}


def test_a_bare_host_is_bare_again(host, package):
    before = take(host)
    assert host.install(package)["failed"] is False
    enrol(host)
    host.ok("agent_service", state="started", wait=20)
    host.ok("agent_service", state="stopped")
    result = restore(host, before)
    assert result["changed"] is True and result["left"] == []
    assert not host.prefix.exists()
    assert restore(host, before) == {
        "changed": False,
        "failed": False,
        "actions": [],
        "restart": False,
        "identity": True,
        "left": [],
    }


def test_folders_above_a_new_prefix_go_as_well_and_those_with_other_files_stay(host, package, tmp_path):
    host.prefix = tmp_path / "a" / "b" / "agent"
    host.layout = type(host.layout).at(str(host.prefix))
    before = take(host)
    host.install(package)
    (tmp_path / "a" / "notes").write_text("somebody's")
    assert restore(host, before)["left"] == []
    assert sorted(os.listdir(tmp_path / "a")) == ["notes"]


def test_other_peoples_files_in_the_prefix_stay(host, package):
    host.prefix.mkdir()
    (host.prefix / "notes.txt").write_text("mine")
    before, tree = take(host), host.tree()
    host.install(package)
    enrol(host)
    restore(host, before)
    assert host.tree() == tree


def test_an_upgrade_is_taken_back(enrolled, newer_package):
    before, tree = take(enrolled), enrolled.tree()
    enrolled.install(newer_package)
    enrol(enrolled, "second", 2, heartbeat_interval="7s")
    assert enrolled.tree() != tree
    result = restore(enrolled, before)
    assert result["restart"] is True and result["left"] == [] and result["identity"] is True
    assert enrolled.tree() == tree
    assert restore(enrolled, before)["changed"] is False


def test_a_key_that_was_there_stays_and_one_that_was_not_goes(installed):
    before = take(installed)
    enrol(installed)
    restore(installed, before)
    assert os.listdir(installed.layout.identity) == []
    enrol(installed)
    key = Path(installed.layout.key).read_bytes()
    before = take(installed)
    enrol(installed, "second")
    assert f"write {installed.layout.certificate}" in restore(installed, before)["actions"]
    assert Path(installed.layout.key).read_bytes() == key
    assert Path(installed.layout.certificate).read_text() == "first certificate"


def test_a_key_that_was_changed_comes_back(enrolled):
    layout = enrolled.layout
    before, tree = take(enrolled), enrolled.tree()
    os.link(layout.key, layout.previous_key)
    os.unlink(layout.key)
    for path, text in ((layout.key, "another key"), (layout.public_key, "its half"), (layout.certificate, "its")):
        Path(path).write_text(text)
    assert restore(enrolled, before)["identity"] is True
    assert enrolled.tree() == tree


def test_a_key_that_is_lost_is_told_of(enrolled):
    before = take(enrolled)
    Path(enrolled.layout.key).write_text("another key")
    result = restore(enrolled, before)
    assert result["identity"] is False
    assert result["left"] == [f"{enrolled.layout.key}: the private key that was there is gone"]


def test_a_change_of_keys_that_has_begun_is_forgotten(enrolled):
    layout = enrolled.layout
    before, tree = take(enrolled), enrolled.tree()
    os.mkdir(layout.coming, 0o700)
    for name in ("agent.key", "agent.pub", "agent.crt"):
        (Path(layout.coming) / name).write_text("coming")
    restore(enrolled, before)
    assert enrolled.tree() == tree


def test_an_identity_may_be_kept(enrolled):
    before = take(enrolled)
    enrol(enrolled, "second", 2, heartbeat_interval="7s")
    result = restore(enrolled, before, keep_identity=True)
    assert result["identity"] is False
    assert Path(enrolled.layout.certificate).read_text() == "second certificate"
    assert "7s" not in Path(enrolled.layout.config).read_text()


def test_what_a_running_agent_writes_is_its_own(enrolled, newer_package):
    enrolled.ok("agent_service", state="started", wait=20)
    before, tree = take(enrolled), steady(enrolled)
    assert before["running"] is True and before["alive"] is True
    enrolled.install(newer_package)
    enrolled.ok("agent_service", state="restarted", wait=20)
    assert restore(enrolled, before)["restart"] is True
    assert steady(enrolled) == tree
    status = enrolled.ok("agent_service", state="restarted", wait=20)
    assert status["running"] is True and status["heartbeat"]["version"] == "1.2.3"


def test_what_an_agent_wrote_that_did_not_run_before_goes(enrolled):
    before, tree = take(enrolled), enrolled.tree()
    assert before["running"] is False
    enrolled.ok("agent_service", state="started", wait=20)
    enrolled.ok("agent_service", state="stopped")
    restore(enrolled, before)
    assert enrolled.tree() == tree


def test_modes_of_folders_come_back(enrolled):
    spool = Path(enrolled.layout.spool)
    spool.chmod(0o700)
    before = take(enrolled)
    spool.chmod(0o750)
    restore(enrolled, before)
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700


def test_a_package_that_was_replaced_in_its_place_is_told_of(enrolled, package):
    Path(enrolled.layout.package).write_bytes(b"damaged")
    before = take(enrolled)
    enrolled.install(package)
    result = restore(enrolled, before)
    assert "another build of the same version" in result["left"][0] and result["left"][0].startswith("/")


def test_nothing_secret_is_in_a_checkpoint(enrolled):
    secret = Path(enrolled.layout.etc) / "password"
    secret.write_text("hunter2")
    secret.chmod(0o600)
    before = take(enrolled)
    assert str(secret) in before["paths"] and str(secret) not in before["contents"]
    assert enrolled.layout.key in before["paths"] and enrolled.layout.key not in before["contents"]
    body = Path(enrolled.layout.key).read_text().splitlines()[1]
    assert body not in json.dumps(before)


def test_a_crowded_folder_is_left_alone(enrolled):
    crowd = Path(enrolled.layout.etc) / "many"
    crowd.mkdir()
    for number in range(1001):
        (crowd / str(number)).touch()
    before = take(enrolled)
    assert len(json.dumps(before)) < 60_000
    (crowd / "one more").touch()
    assert restore(enrolled, before)["changed"] is False
    assert len(os.listdir(crowd)) == 1002


def test_check_mode_does_nothing(enrolled):
    before = take(enrolled)
    enrol(enrolled, "second", 2, heartbeat_interval="7s")
    tree = enrolled.tree()
    assert enrolled.ok("agent_restore", check=True, checkpoint=before)["changed"] is False
    assert enrolled.tree() == tree


@pytest.mark.parametrize("wrong", [{}, {"form": 1, "home": "/elsewhere"}, {"form": 99}])
def test_what_is_no_checkpoint_of_this_install_is_refused(enrolled, wrong):
    tree = enrolled.tree()
    result = enrolled.module("agent_restore", checkpoint=wrong)
    assert result["failed"] is True and "no checkpoint" in result["msg"]
    assert enrolled.tree() == tree


def test_what_cannot_be_brought_back_is_told_of_and_the_rest_is(enrolled, newer_package):
    before = take(enrolled)
    enrolled.install(newer_package)
    shutil.rmtree(enrolled.layout.identity)
    Path(enrolled.layout.identity).write_text("in the way")
    result = restore(enrolled, before)
    assert result["identity"] is False
    assert any(enrolled.layout.certificate in sentence for sentence in result["left"])
    assert os.readlink(enrolled.layout.current) == "versions/1.2.3"
    assert not os.path.exists(os.path.join(enrolled.layout.versions, "1.3.0"))


def test_a_supervisor_without_its_agent_counts_as_running(enrolled):
    """It starts the agent again and again; a restore must not end it for good."""
    enrolled.ok("agent_service", state="started", wait=20)
    Path(enrolled.layout.package).write_bytes(b"damaged")
    os.kill(int(Path(enrolled.layout.pidfile).read_text()), signal.SIGKILL)
    enrolled.until(lambda: take(enrolled)["alive"] is False)
    assert take(enrolled)["running"] is True
