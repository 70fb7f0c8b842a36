"""The small groups of facts, read from trees of files as hosts have them."""

from __future__ import annotations

import time

import pytest

from stella_ops.remote.lib.facts import hardware, mounts, platform, runtime, sources, system, virtual


def plant(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"run__systemd__system__x": ""}, "systemd"),
        ({"run__openrc__softlevel": "default"}, "openrc"),
        ({"proc__1__comm": "runit\n"}, "runit"),
        ({"proc__1__comm": "init\n", "etc__inittab": ""}, "sysvinit"),
        ({"proc__1__comm": "init\n"}, "service"),
        ({"proc__1__comm": "sshd\n"}, "sshd"),
        ({"proc__1__comm": "procd\n"}, "openwrt_init"),
        ({"proc__1__comm": "bash\n"}, "service"),
        ({"proc__1__comm": "bash\n", "etc__init.d__cron": ""}, "sysvinit"),
        ({"proc__1__comm": "sh\n", "sbin__openrc": ""}, "openrc"),
        ({"proc__1__comm": "init\n", "sbin__initctl": "", "etc__init__x": ""}, "upstart"),
        ({}, "service"),
    ],
)
def test_service_manager(tmp_path, files, expected):
    plant(tmp_path, **files)
    assert system.service_manager(1, str(tmp_path)) == {"service_mgr": expected}


def test_the_service_manager_of_a_container_whose_process_1_is_a_shell(tmp_path):
    plant(tmp_path, proc__1__comm="bash\n", etc__init__d="", usr__bin__systemctl="", sbin__x="")
    (tmp_path / "sbin" / "init").symlink_to("/lib/systemd/systemd")
    assert system.service_manager(1, str(tmp_path)) == {"service_mgr": "systemd"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"usr__bin__apt-get": ""}, "apt"),
        ({"usr__bin__yum": "", "usr__bin__dnf": ""}, "dnf"),
        ({"sbin__apk": ""}, "apk"),
        ({"usr__bin__zypper": "", "usr__bin__apt-get": ""}, "zypper"),
        ({"usr__bin__dnf": "", "usr__bin__apt-get": "", "etc__debian_version": ""}, "apt"),
        ({}, "unknown"),
    ],
)
def test_package_manager(tmp_path, files, expected):
    plant(tmp_path, **files)
    assert system.package_manager(1, str(tmp_path)) == {"pkg_mgr": expected}


def test_selinux(tmp_path):
    assert system.selinux(str(tmp_path)) == {"status": "disabled"}
    plant(
        tmp_path,
        sys__fs__selinux__enforce="1",
        sys__fs__selinux__policyvers="33",
        etc__selinux__config="# comment\nSELINUX=enforcing\nSELINUXTYPE=targeted\n",
    )
    assert system.selinux(str(tmp_path)) == {
        "status": "enabled",
        "mode": "enforcing",
        "config_mode": "enforcing",
        "type": "targeted",
        "policyvers": 33,
    }


@pytest.mark.parametrize(
    ("files", "kind", "role"),
    [
        ({"proc__1__environ": "PATH=/bin\0container=systemd-nspawn\0"}, "container", "guest"),
        ({"proc__1__environ": "container=lxc\0"}, "lxc", "guest"),
        ({"run__systemd__container": "systemd-nspawn\n"}, "systemd-nspawn", "guest"),
        ({"run__systemd__container": "docker\n", "proc__1__environ": "container=docker\0"}, "container", "guest"),
        ({"run__systemd__container": "docker\n", ".dockerenv": ""}, "docker", "guest"),
        ({".dockerenv": ""}, "docker", "guest"),
        ({"run__.containerenv": ""}, "podman", "guest"),
        ({"proc__1__cgroup": "0::/kubepods/burstable/pod1\n"}, "container", "guest"),
        ({"sys__class__dmi__id__sys_vendor": "QEMU\n"}, "kvm", "guest"),
        ({"sys__class__dmi__id__product_name": "VMware Virtual Platform\n"}, "VMware", "guest"),
        ({"sys__hypervisor__type": "xen\n"}, "xen", "guest"),
        ({"proc__sys__kernel__osrelease": "5.15.0-microsoft-standard-WSL2\n"}, "wsl", "guest"),
        ({"proc__modules": "kvm 1 2 - Live 0x0\n"}, "kvm", "host"),
        ({}, "NA", "NA"),
    ],
)
def test_virtualization(tmp_path, files, kind, role):
    plant(tmp_path, **files)
    told = virtual.gather(1, str(tmp_path))
    assert (told["virtualization_type"], told["virtualization_role"]) == (kind, role)


def test_a_container_in_a_machine_names_both(tmp_path):
    plant(tmp_path, **{".dockerenv": "", "sys__class__dmi__id__sys_vendor": "Amazon EC2"})
    assert virtual.guest_of(str(tmp_path)) == ["docker", "container", "kvm"]


def test_memory(tmp_path):
    plant(
        tmp_path,
        meminfo="MemTotal: 2048000 kB\nMemFree: 1024000 kB\nBuffers: 102400 kB\nCached: 204800 kB\n"
        "SwapTotal: 512000 kB\nSwapFree: 256000 kB\nHugePages_Total: 0\n",
    )
    told = hardware.memory(1, str(tmp_path / "meminfo"))
    assert (told["memtotal_mb"], told["memfree_mb"], told["swaptotal_mb"], told["swapfree_mb"]) == (
        2000,
        1000,
        500,
        250,
    )
    assert told["memory_mb"]["nocache"] == {"free": 1300, "used": 700}
    assert hardware.memory(1, str(tmp_path / "none")) == {}


def test_processors_with_two_sockets_and_threads(tmp_path):
    blocks = [
        f"processor\t: {number}\nvendor_id\t: V\nmodel name\t: M\nphysical id\t: {number // 4}\n"
        f"core id\t: {number % 2}\ncpu cores\t: 2\n"
        for number in range(8)
    ]
    plant(tmp_path, cpuinfo="\n".join(blocks))
    told = hardware.processors(1, str(tmp_path / "cpuinfo"))
    assert (told["processor_count"], told["processor_cores"], told["processor_threads_per_core"]) == (2, 2, 2)
    assert told["processor_vcpus"] == 8
    assert told["processor"][:3] == ["0", "V", "M"]


def test_processors_of_arm_have_no_sockets(tmp_path):
    plant(tmp_path, cpuinfo="processor\t: 0\nBogoMIPS\t: 50\n\nprocessor\t: 1\nBogoMIPS\t: 50\n")
    told = hardware.processors(1, str(tmp_path / "cpuinfo"))
    assert (told["processor_count"], told["processor_cores"], told["processor_vcpus"]) == (1, 2, 2)


def test_mounts(tmp_path):
    plant(
        tmp_path,
        mounts="proc /proc proc rw 0 0\n"
        f"/dev/sda1 {tmp_path.as_posix()}/with\\040blank ext4 rw,noatime 0 0\n"
        "overlay / overlay rw 0 0\n"
        "overlay /var/lib/x overlay rw 0 0\n"
        "broken\n",
    )
    (tmp_path / "with blank").mkdir()
    told = mounts.gather(1, str(tmp_path / "mounts"))["mounts"]
    assert [entry["mount"] for entry in told] == [f"{tmp_path}/with blank", "/"]
    assert told[0]["options"] == "rw,noatime"
    assert told[0]["size_total"] > 0


def test_a_silent_file_server_is_left_out_in_time(monkeypatch):
    monkeypatch.setattr(mounts, "_sizes", lambda place: time.sleep(5))
    began = time.monotonic()
    assert "did not answer" in mounts.sizes("/", 0.05)["note"]
    assert time.monotonic() - began < 2


def test_fully_qualified_name_from_hosts(tmp_path):
    plant(tmp_path, hosts="# web1.wrong\n127.0.0.1 localhost localhost.localdomain\n10.0.0.5 web1.example.org web1\n")
    assert platform.fully_qualified("web1", 1, str(tmp_path / "hosts")) == "web1.example.org"
    assert platform.fully_qualified("db.example.org", 1, "/none") == "db.example.org"


def test_a_silent_resolver_costs_no_more_than_its_time(monkeypatch):
    monkeypatch.setattr(platform.socket, "getfqdn", lambda name: time.sleep(5))
    began = time.monotonic()
    assert platform.fully_qualified("lonely", 0.05, "/none") == "lonely"
    assert time.monotonic() - began < 2


def test_dns(tmp_path):
    plant(
        tmp_path,
        resolv="# comment\n; another\nnameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch a.org b.org\n"
        "options ndots:5 rotate\nnameserver\n",
    )
    assert runtime.dns(1, str(tmp_path / "resolv"))["dns"] == {
        "nameservers": ["10.0.0.1", "10.0.0.2"],
        "search": ["a.org", "b.org"],
        "options": {"ndots": "5", "rotate": True},
    }


def test_cmdline(tmp_path):
    plant(tmp_path, cmdline="root=/dev/sda1 ro console=tty0 console=ttyS0 quiet\n")
    told = runtime.cmdline(1, str(tmp_path / "cmdline"))
    assert told["cmdline"] == {"root": "/dev/sda1", "ro": True, "console": "ttyS0", "quiet": True}
    assert told["proc_cmdline"]["console"] == ["tty0", "ttyS0"]


def test_date_time_of_a_moment(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        told = runtime.date_time(1, 1714564800.25)["date_time"]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert told["iso8601_micro"] == "2024-05-01T12:00:00.250000Z"
    assert (told["weekday"], told["weekday_number"], told["weeknumber"]) == ("Wednesday", "3", "18")
    assert (told["epoch"], told["tz"], told["tz_offset"]) == ("1714564800", "UTC", "+0000")


def test_firmware(tmp_path):
    plant(tmp_path, sys_vendor="ACME\n", product_name="Anvil\n")
    told = hardware.firmware(1, str(tmp_path))
    assert (told["system_vendor"], told["product_name"], told["bios_version"]) == ("ACME", "Anvil", "NA")


def test_assignments(tmp_path):
    plant(tmp_path, f='A=1\nB="two \\"words\\""\n# C=3\nD=\'four\'\nno assignment\nE=\n')
    assert sources.assignments(str(tmp_path / "f")) == {"A": "1", "B": 'two "words"', "D": "four", "E": ""}
