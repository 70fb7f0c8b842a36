import os
import runpy
from pathlib import Path

import pytest

GIB = 1024**3

MEMINFO = """MemTotal:       {total} kB
MemFree:          524288 kB
{available}Buffers:          100000 kB
Cached:           900000 kB
HugePages_Total:       0
SwapTotal:       2097152 kB
SwapFree:        1048576 kB
"""


class Kernel:
    """A /proc and a /sys/fs/cgroup as text files."""

    def __init__(self, folder):
        self.proc, self.cgroup = folder / "proc", folder / "cgroup"
        (self.proc / "self").mkdir(parents=True)
        self.cgroup.mkdir()
        self.memory(available=6 * GIB)

    def memory(self, total=8 * GIB, available=None):
        line = "" if available is None else f"MemAvailable: {available // 1024} kB\n"
        (self.proc / "meminfo").write_text(MEMINFO.format(total=total // 1024, available=line))

    def process(self, text, process="self"):
        (self.proc / process).mkdir(exist_ok=True)
        (self.proc / process / "cgroup").write_text(text)

    def group(self, path, **files):
        folder = self.cgroup / path
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in files.items():
            (folder / name.replace("__", ".")).write_text(f"{value}\n")

    def group2(self, path, limit, used, cache=0):
        self.group(path, memory__max=limit, memory__current=used, memory__stat=f"anon 1\ninactive_file {cache}")


@pytest.fixture
def kernel(tmp_path):
    return Kernel(tmp_path)


@pytest.fixture
def look(host, kernel, check):
    return lambda **args: check("memory_usage", prefix=host.prefix, procfs=kernel.proc, cgroupfs=kernel.cgroup, **args)


def test_this_machine(host, check):
    result = check("memory_usage", prefix=host.prefix, warning_percent=100, critical_percent=100.1)
    assert result["status"] == "healthy"
    assert result["data"]["total_bytes"] >= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 0.99
    assert 0 < result["data"]["available_bytes"] <= result["data"]["total_bytes"]


@pytest.mark.parametrize(
    ("available", "status", "message"),
    [
        (6 * GIB, "healthy", "25.0% of memory used, 6.0 GiB available"),
        (GIB, "warning", "Memory usage of the host is high: 87.5% used"),
        (GIB // 4, "critical", "Memory usage of the host is critically high: 96.9% used"),
    ],
)
def test_the_host(kernel, look, available, status, message):
    kernel.memory(available=available)
    result = look()
    assert (result["status"], result["message"]) == (status, message)


def test_old_kernels_do_not_estimate(kernel, look):
    kernel.memory(available=None)
    assert look()["data"]["available_bytes"] == (524288 + 100000 + 900000) * 1024


def test_the_agents_own_limit(host, kernel, look):
    host.configure(resource_limits={"memory_percent": 20})
    assert look()["status"] == "warning"
    host.configure(resource_limits={"memory_percent": 97})
    kernel.memory(available=8 * GIB * 2 // 100)
    assert look()["status"] == "warning"  # 98 %: beyond what was allowed, and critical only beyond that


class TestControlGroups:
    def test_version_2(self, kernel, look):
        kernel.process("0::/system.slice/stella-agent.service\n")
        kernel.group2("system.slice/stella-agent.service", limit=GIB, used=GIB * 99 // 100)
        kernel.group2("system.slice", limit="max", used=5 * GIB)
        result = look()
        assert result["status"] == "critical"
        assert result["message"] == (
            "Memory usage of control group /system.slice/stella-agent.service is critically high: 99.0% used"
        )

    def test_page_cache_is_not_use(self, kernel, look):
        kernel.process("0::/a\n")
        kernel.group2("a", limit=GIB, used=GIB, cache=GIB // 2)
        (group,) = look()["data"]["control_groups"]
        assert group["used_percent"] == 50.0

    def test_a_group_above_binds_too(self, kernel, look):
        kernel.process("0::/outer/inner\n")
        kernel.group2("outer/inner", limit=4 * GIB, used=GIB)
        kernel.group2("outer", limit=GIB, used=GIB * 9 // 10)
        assert "control group /outer is high" in look()["message"]

    def test_in_a_container_only_the_root_is_there(self, kernel, look):
        kernel.process("0::/../../host/path\n")
        kernel.group2("", limit=GIB, used=GIB * 9 // 10)
        assert "control group / is high" in look()["message"]

    def test_version_1(self, kernel, look):
        kernel.process("9:name=systemd:/x\n4:cpu,memory:/docker/abc\n0::/\n")
        kernel.group(
            "memory/docker/abc",
            memory__limit_in_bytes=GIB,
            memory__usage_in_bytes=GIB * 97 // 100,
            memory__stat="cache 5\ntotal_inactive_file 0",
        )
        kernel.group("memory", memory__limit_in_bytes=2**63 - 4096, memory__usage_in_bytes=GIB, memory__stat="cache 5")
        result = look()
        assert result["status"] == "critical"
        assert [g["name"] for g in result["data"]["control_groups"]] == ["control group /docker/abc"]

    def test_version_2_beside_version_1(self, kernel, look):
        kernel.process("0::/a\n")
        kernel.group2("unified/a", limit=GIB, used=GIB)
        assert look()["status"] == "critical"

    def test_the_agents_group_rather_than_ours(self, host, kernel, look):
        host.start()
        kernel.process("0::/session\n")
        kernel.process("0::/agent\n", process=str(os.getpid()))
        (kernel.proc / str(os.getpid()) / "status").write_text("Name:\tx\nVmRSS:\t   18000 kB\n")
        kernel.group2("agent", limit=GIB, used=GIB * 9 // 10)
        result = look()
        assert "control group /agent is high" in result["message"]
        assert result["data"]["agent_resident_bytes"] == 18000 * 1024

    def test_limit_zero(self, kernel, look):
        kernel.process("0::/a\n")
        kernel.group2("a", limit=0, used=0)
        assert look()["status"] == "critical"


def test_no_meminfo(kernel, look):
    (kernel.proc / "meminfo").unlink()
    assert look()["status"] == "error"
    (kernel.proc / "meminfo").write_text("nothing\n")
    assert look()["status"] == "error"


MODULE = runpy.run_path(str(Path(__file__).parents[4] / "modules/doctor/memory_usage.py"))


def test_meminfo_lines_that_are_no_sizes():
    assert MODULE["meminfo"]("A: 1 kB\nB: x kB\nC: 5\n\nD\n") == {"A": 1024}


def test_every_python(host, kernel, any_python, check_under):
    kernel.process("0::/a\n")
    kernel.group2("a", limit=GIB, used=GIB * 9 // 10)
    faked = {"prefix": host.prefix, "procfs": str(kernel.proc), "cgroupfs": str(kernel.cgroup)}
    real = {"prefix": host.prefix, "warning_percent": 100, "critical_percent": 100.1}
    results = check_under(any_python, [("memory_usage", faked), ("memory_usage", real)])
    assert [r["status"] for r in results] == ["warning", "healthy"]
