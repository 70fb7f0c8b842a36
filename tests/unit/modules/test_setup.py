from __future__ import annotations

import ipaddress
import json
import os
import platform
import pwd
import shutil
import socket
import subprocess
import time

import pytest


@pytest.fixture
def facts(host):
    result = host("setup")
    assert result["changed"] is False
    assert "warnings" not in result, "no group of facts may fail on the host that runs the tests"
    return result["ansible_facts"]


def test_names_and_kernel(facts):
    assert facts["ansible_hostname"] == socket.gethostname().split(".")[0]
    assert facts["ansible_nodename"] == platform.node()
    assert facts["ansible_kernel"] == platform.release()
    assert facts["ansible_machine"] == platform.machine()
    assert facts["ansible_system"] == "Linux"
    assert facts["ansible_fqdn"].startswith(facts["ansible_hostname"])
    assert facts["module_setup"] is True
    assert facts["gather_subset"] == ["all"]


def test_distribution_is_that_of_os_release(facts):
    told = platform.freedesktop_os_release()
    assert facts["ansible_distribution_major_version"] == told.get("VERSION_ID", "NA").split(".")[0]
    if told["ID"] == "debian":
        assert facts["ansible_distribution"] == "Debian"
        assert facts["ansible_os_family"] == "Debian"
        assert facts["ansible_pkg_mgr"] == "apt"


def test_user(facts):
    me = pwd.getpwuid(os.getuid())
    assert facts["ansible_user_id"] == me.pw_name
    assert (facts["ansible_user_uid"], facts["ansible_user_gid"]) == (me.pw_uid, me.pw_gid)
    assert (facts["ansible_user_dir"], facts["ansible_user_shell"]) == (me.pw_dir, me.pw_shell)
    assert facts["ansible_env"]["PATH"] == os.environ["PATH"]


def test_python(facts, interpreter):
    shown = subprocess.run(
        [interpreter, "-c", "import sys; print(sys.executable, '%d.%d.%d' % sys.version_info[:3])"],
        capture_output=True,
        text=True,
        check=True,
    )
    executable, version = shown.stdout.split()
    assert facts["ansible_python_version"] == version
    assert facts["ansible_python"]["executable"] == executable
    assert facts["ansible_python"]["has_sslcontext"] is True


def test_memory_and_processors(facts):
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1048576
    assert abs(facts["ansible_memtotal_mb"] - pages) <= 1
    assert 0 < facts["ansible_memfree_mb"] <= facts["ansible_memtotal_mb"]
    assert facts["ansible_processor_vcpus"] == os.cpu_count()
    assert facts["ansible_processor_nproc"] == len(os.sched_getaffinity(0))
    assert abs(facts["ansible_uptime_seconds"] - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60


def test_network_is_what_ip_shows(facts):
    if shutil.which("ip") is None:
        pytest.skip("ip is not installed, so there is nothing to compare with")
    shown = json.loads(subprocess.run(["ip", "-j", "addr"], capture_output=True, check=True).stdout)
    shown = [link for link in shown if "ifname" in link]
    loopback = next(link for link in shown if link["ifname"] == "lo")
    assert facts["ansible_lo"]["mtu"] == loopback["mtu"]
    assert facts["ansible_lo"]["type"] == "loopback"
    # Other tests make and remove bridges meanwhile: compare what is there in both.
    for link in shown:
        told = facts.get("ansible_" + link["ifname"].replace("-", "_"))
        if told is None or link["link_type"] != "ether":
            continue
        assert told["macaddress"] == link["address"]
        fours = [each["local"] for each in link["addr_info"] if each["family"] == "inet"]
        if fours:
            assert told["ipv4"]["address"] == fours[0]
            assert set(fours) <= set(facts["ansible_all_ipv4_addresses"])
    routes = json.loads(subprocess.run(["ip", "-j", "route", "show", "default"], capture_output=True).stdout or "[]")
    if routes:
        assert facts["ansible_default_ipv4"]["gateway"] == routes[0].get("gateway")
        assert facts["ansible_default_ipv4"]["interface"] == routes[0]["dev"]
        mine = ipaddress.ip_address(facts["ansible_default_ipv4"]["address"])
        network = f"{facts['ansible_default_ipv4']['network']}/{facts['ansible_default_ipv4']['netmask']}"
        assert mine in ipaddress.ip_network(network)


def test_mounts_have_their_sizes(facts):
    root = next(entry for entry in facts["ansible_mounts"] if entry["mount"] == "/")
    told = os.statvfs("/")
    assert root["size_total"] == told.f_frsize * told.f_blocks
    assert 0 < root["size_available"] <= root["size_total"]


def test_date_time(facts):
    told = facts["ansible_date_time"]
    assert abs(int(told["epoch"]) - time.time()) < 60
    assert told["date"] == f"{told['year']}-{told['month']}-{told['day']}"
    assert told["iso8601"].endswith("Z")


@pytest.mark.parametrize(
    ("subset", "present", "absent"),
    [
        (["min"], "distribution", "memtotal_mb"),
        ("!all", "distribution", "memtotal_mb"),
        ("!hardware", "distribution", "interfaces"),
        ("!hardware,all", "interfaces", "memtotal_mb"),
        (["!all", "!min", "date_time"], "date_time", "distribution"),
        (["!all", "!min", "processor_cores"], "processor", "distribution"),
        (["!all", "!min", "pkg_mgr"], "distribution", "interfaces"),
        (["!all", "!min", "network"], "distribution", "memtotal_mb"),
        ("hardware,!network", "memtotal_mb", "interfaces"),
        ("!all,!min,virtual", "virtualization_type", "hostname"),
    ],
)
def test_gather_subset(host, subset, present, absent):
    facts = host("setup", gather_subset=subset)["ansible_facts"]
    assert "ansible_" + present in facts
    assert "ansible_" + absent not in facts


def test_an_unknown_subset_names_the_nearest(host):
    result = host("setup", gather_subset="hardwear")
    start = "Bad subset 'hardwear' given to Ansible. gather_subset options allowed: all, "
    assert result["msg"].startswith(start)
    assert ", hardware, " in result["msg"]


@pytest.mark.parametrize("pattern", ["ansible_distribution*", "distribution*"])
def test_filter(host, pattern):
    facts = host("setup", filter=pattern)["ansible_facts"]
    names = {name for name in facts if name.startswith("ansible_")}
    assert "ansible_distribution" in names
    assert all(name.startswith("ansible_distribution") for name in names)


def test_local_facts(host):
    folder = host.folder / "facts.d"
    folder.mkdir()
    (folder / "data.fact").write_text('{"a": [1, 2]}')
    (folder / "ini.fact").write_text("[section]\nKey = va%lue\n")
    script = folder / "script.fact"
    script.write_text("#!/bin/sh\necho '{\"made\": true}'\n")
    script.chmod(0o755)
    (folder / "broken.fact").write_text("neither one nor the other")
    failing = folder / "failing.fact"
    failing.write_text("#!/bin/sh\necho oh no >&2\nexit 3\n")
    failing.chmod(0o755)
    result = host("setup", fact_path=str(folder), gather_subset="min")
    told = result["ansible_facts"]["ansible_local"]
    assert told["data"] == {"a": [1, 2]}
    assert told["ini"] == {"section": {"key": "va%lue"}}
    assert told["script"] == {"made": True}
    assert told["failing"] == f"Failure executing fact script ({failing}), rc: 3, err: oh no\n"
    assert told["broken"].startswith("error loading facts as JSON or ini - please check content: ")
    assert len(result["warnings"]) == 2


def test_it_is_fast(host):
    host("setup")
    times = []
    for _ in range(5):
        began = time.perf_counter()
        host("setup", gather_subset=["all"])
        times.append(time.perf_counter() - began)
    assert min(times) < 0.25, "all facts come from files and sockets; no program is started"
