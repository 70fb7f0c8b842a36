import os
import runpy
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

GIB = 1024**3

# What forces a verdict on any real file system that is neither empty nor full.
CALM = {"warning_percent": 100, "critical_percent": 100.1, "warning_free_bytes": 0, "critical_free_bytes": 0}


JUDGE = runpy.run_path(str(Path(__file__).parents[4] / "modules/doctor/disk_space.py"))["judge"]


def test_enough(host, check):
    result = check("disk_space", prefix=host.prefix, **CALM)
    assert result["status"] == "healthy"
    real = shutil.disk_usage(host.prefix)
    (data,) = [f for f in result["data"]["filesystems"] if f["path"] == host.layout.var]
    assert data["free_bytes"] == pytest.approx(real.free, rel=0.05)


@pytest.mark.parametrize(
    ("thresholds", "status", "message"),
    [
        ({"warning_percent": 0}, "warning", "Disk space is low: "),
        ({"warning_free_bytes": 10**18}, "warning", "Disk space is low: "),
        ({"critical_percent": 0}, "critical", "Disk space is critically low: "),
        ({"critical_free_bytes": 10**18}, "critical", "Disk space is critically low: "),
    ],
)
def test_thresholds(host, check, thresholds, status, message, runbooks):
    result = check("disk_space", prefix=host.prefix, **{**CALM, **thresholds})
    assert result["status"] == status
    assert result["message"].startswith(message)
    assert result["runbook_url"] == runbooks + "agent-disk-space"


def test_the_agents_own_limit(host, check):
    host.configure(resource_limits={"disk_percent": 0.001})
    calm = {key: value for key, value in CALM.items() if key != "warning_percent"}
    result = check("disk_space", prefix=host.prefix, **calm)
    assert result["status"] == "warning"
    assert result["data"]["warning_percent"] == 0.001


def test_folders_that_do_not_exist_yet(tmp_path, check):
    result = check("disk_space", prefix=tmp_path / "a" / "b", **CALM)
    assert result["status"] == "healthy"
    assert result["data"]["filesystems"][0]["path"] == str(tmp_path)


def test_each_file_system_once_and_further_ones(host, check):
    result = check("disk_space", prefix=host.prefix, paths=["/proc", host.layout.etc], **CALM)
    paths = [f["path"] for f in result["data"]["filesystems"]]
    assert paths.count("/proc") == 1
    assert host.layout.etc not in paths


def stat(size=100 * GIB, free=50 * GIB, reserved=0, inodes=1000, inodes_free=500, flags=0):
    block = 4096
    blocks = (size // block, free // block, (free - reserved) // block)
    return os.statvfs_result((block, block, *blocks, inodes, inodes_free, inodes_free, flags, 255))


LIMITS = {
    "warning_percent": 90.0,
    "critical_percent": 95.0,
    "warning_free_bytes": GIB // 2,
    "critical_free_bytes": GIB // 10,
}


@pytest.mark.parametrize(
    ("system", "status", "said"),
    [
        (stat(), "healthy", ""),
        (stat(free=9 * GIB), "warning", "Disk space is low: 9.0 GiB free (91.0% used)"),
        (stat(free=4 * GIB), "critical", "Disk space is critically low: 4.0 GiB free (96.0% used)"),
        (stat(size=2 * GIB, free=GIB // 4), "warning", "Disk space is low: 256.0 MiB free (87.5% used)"),
        (
            stat(free=8 * GIB, reserved=5 * GIB),
            "critical",
            "Disk space is critically low: 3.0 GiB free (96.8% used)",
        ),
        (stat(inodes_free=0), "critical", "No inodes are left"),
        (stat(inodes_free=30), "warning", "Few inodes are left (97.0% used)"),
        (stat(inodes=0, inodes_free=0), "healthy", ""),  # btrfs does not count inodes
        (stat(flags=os.ST_RDONLY), "critical", "The file system is mounted read-only"),
        (stat(size=0, free=0), "healthy", ""),  # file systems without blocks, such as /proc
    ],
)
def test_judge(system, status, said):
    judged = JUDGE(system, LIMITS)
    assert (judged["status"], judged["said"]) == (status, said)


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**20))
def test_less_space_is_never_better(size, free, step):
    free = min(free, size)
    rank = ["healthy", "warning", "critical"].index
    more = JUDGE(stat(size=size, free=free), LIMITS)
    less = JUDGE(stat(size=size, free=max(free - step, 0)), LIMITS)
    assert rank(less["status"]) >= rank(more["status"])
    assert 0 <= more["used_percent"] <= 100


def test_every_python(host, any_python, check_under):
    calls = [("disk_space", {"prefix": host.prefix, **CALM, **more}) for more in ({}, {"critical_percent": 0})]
    assert [r["status"] for r in check_under(any_python, calls)] == ["healthy", "critical"]
