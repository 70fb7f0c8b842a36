import os
import platform
import time

import pytest


def _check(result, name):
    [found] = [check for check in result["checks"] if check["name"] == name]
    return found


def test_a_fit_host(host):
    result = host.ok("agent_preflight", controller_time=time.time(), architectures=[platform.machine()])
    assert [check["name"] for check in result["checks"]] == [
        "python",
        "architecture",
        "clock",
        "disk",
        "permission",
        "key-tool",
    ]
    assert all(check["ok"] and check["hint"] is None for check in result["checks"])
    assert _check(result, "disk")["data"]["free_mb"]
    assert not host.prefix.exists()


@pytest.mark.parametrize(
    ("args", "name", "said"),
    [
        ({"min_disk_mb": 10**9}, "disk", "MB free"),
        ({"min_python": "4.0"}, "python", "older than 4.0"),
        ({"min_python": "new"}, "python", "is not a version"),
        ({"architectures": ["sparc64"]}, "architecture", "is not one of sparc64"),
        ({"controller_time": time.time() - 7200}, "clock", "ahead of the controller's"),
        ({"controller_time": time.time() + 7200}, "clock", "behind the controller's"),
    ],
)
def test_names_what_is_wrong_and_what_to_do(host, args, name, said):
    result = host.module("agent_preflight", **args)
    assert result["failed"] is True
    check = _check(result, name)
    assert check["ok"] is False
    assert said in check["message"]
    assert check["message"] in result["msg"]
    assert check["hint"] in result["hint"]
    assert not host.prefix.exists()


def test_all_causes_are_told_at_once(host):
    result = host.module("agent_preflight", min_disk_mb=10**9, architectures=["sparc64"])
    assert "disk:" in result["msg"]
    assert "architecture:" in result["msg"]


def test_architectures_go_by_all_their_names(host):
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    machine = platform.machine()
    if machine not in names:
        pytest.skip(f"no second name for {machine}")
    host.ok("agent_preflight", architectures=[names[machine]])


def test_no_tool_to_make_a_key(host, tmp_path):
    environment = {**os.environ, "PATH": str(tmp_path)}
    result = host.module("agent_preflight", env=environment)
    assert "neither openssl nor ssh-keygen" in result["msg"]


def test_a_file_in_the_way(host):
    host.prefix.write_text("a file")
    result = host.module("agent_preflight")
    assert "is not a folder" in _check(result, "permission")["message"]
