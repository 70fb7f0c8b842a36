import json
import os
import stat
import subprocess
from pathlib import Path

import pytest


def _mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_asks_for_the_content_only_when_it_is_needed(host, package):
    asked = host.install(package, content=False)
    assert (asked["need_content"], asked["changed"]) == (True, False)
    assert not host.prefix.exists()
    done = host.install(package)
    assert (done["need_content"], done["changed"], done["previous_version"]) == (False, True, None)
    again = host.install(package, content=False)
    assert again["failed"] is False
    assert (again["need_content"], again["changed"], again["actions"]) == (False, False, [])
    assert again["previous_version"] == "1.2.3"


def test_what_is_there_afterwards(host, package):
    host.install(package)
    layout = host.layout
    assert os.readlink(layout.current) == "versions/1.2.3"
    assert Path(layout.package).read_bytes() == package.path.read_bytes()
    assert _mode(layout.package) == 0o755
    assert (_mode(layout.spool), _mode(layout.queue), _mode(layout.identity)) == (0o750, 0o750, 0o755)
    assert json.loads(Path(layout.marker).read_text()) == {"python": host.python, "user": None} or os.path.samefile(
        json.loads(Path(layout.marker).read_text())["python"], host.python
    )
    left = [path for path in host.prefix.rglob("*") if path.suffix in (".new", ".before")]
    assert left == []
    told = subprocess.run(
        [host.python, layout.package, "version"], stdout=subprocess.PIPE, encoding="ascii", check=True
    )
    assert told.stdout == "1.2.3\n"


def test_check_mode_changes_nothing_and_foretells_the_same(host, package):
    foretold = host.install(package, content=False, check=True)
    assert foretold["changed"] is True
    assert not host.prefix.exists()
    assert host.install(package)["actions"] == foretold["actions"]
    assert host.install(package, content=False, check=True)["changed"] is False


def test_an_upgrade_keeps_the_old_version_beside_it(host, package, newer_package):
    host.install(package)
    asked = host.install(newer_package, content=False)
    assert asked["need_content"] is True
    done = host.install(newer_package)
    assert (done["changed"], done["previous_version"]) == (True, "1.2.3")
    assert os.readlink(host.layout.current) == "versions/1.3.0"
    back = host.install(package, content=False)  # a rollback needs no content
    assert (back["changed"], back["previous_version"]) == (True, "1.3.0")
    assert os.readlink(host.layout.current) == "versions/1.2.3"


def test_a_damaged_package_on_the_host_is_replaced(host, package):
    host.install(package)
    with open(host.layout.package, "ab") as stream:
        stream.write(b"x")
    assert host.install(package, content=False)["need_content"] is True
    assert host.install(package)["changed"] is True
    assert Path(host.layout.package).read_bytes() == package.path.read_bytes()


def test_modes_that_were_changed_are_set_right(host, package):
    host.install(package)
    os.chmod(host.layout.spool, 0o777)
    done = host.install(package, content=False)
    assert done["actions"] == [f"change the mode of {host.layout.spool}"]
    assert _mode(host.layout.spool) == 0o750


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"size": 5}])
def test_a_package_that_arrived_damaged_leaves_nothing_behind(host, package, wrong):
    given = {"version": package.version, "sha256": package.sha256, "size": package.size, **wrong}
    result = host.module("agent_install", content=package.path, **given)
    assert result["failed"] is True
    assert "arrived damaged" in result["msg"]
    assert not host.prefix.exists()


def test_a_failed_upgrade_leaves_the_install_as_it_was(host, package, newer_package):
    host.install(package)
    before = host.tree()
    result = host.module("agent_install", version="1.3.0", sha256="0" * 64, content=newer_package.path)
    assert result["failed"] is True
    assert host.tree() == before


def test_a_package_that_is_another_version_is_refused(host, package):
    result = host.module("agent_install", version="9.9.9", sha256=package.sha256, content=package.path)
    assert "does not run here" in result["msg"]
    assert not host.prefix.exists()


def test_something_in_the_way_undoes_the_rest(host, package):
    host.prefix.mkdir()
    (host.prefix / "current").mkdir()
    before = host.tree()
    result = host.install(package)
    assert "is in the way" in result["msg"]
    assert host.tree() == before


@pytest.mark.skipif(not os.path.exists("/dev/full") or os.geteuid() != 0, reason="needs root to mount a disk")
def test_a_full_disk_is_told_and_undone(host, package):
    host.prefix.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs", str(host.prefix)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        result = host.install(package)
        assert "No space left on device" in result["msg"]
        assert result["hint"] == "free some space"
        assert host.tree() == {}
    finally:
        subprocess.run(["umount", str(host.prefix)], check=True)


@pytest.mark.parametrize(
    "given",
    [
        {"version": "../../etc"},
        {"version": ""},
        {"sha256": "abc"},
        {"user": "root; rm"},
        {"prefix": "/usr"},
        {"prefix": "relative/path"},
    ],
)
def test_refuses_arguments_that_cannot_be(host, package, given):
    args = {"version": package.version, "sha256": package.sha256, **given}
    result = host.module("agent_install", content=package.path, **args)
    assert result["failed"] is True
    assert not host.prefix.exists()
