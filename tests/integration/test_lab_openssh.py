"""Plain OpenSSH hosts: real sshd processes."""

import subprocess
import time
from pathlib import Path

import pytest

from stella_ops.lab import openssh, processes
from stella_ops.lab.model import Lab

pytestmark = pytest.mark.integration


def ssh(lab: Lab, host: str, command: str, *options: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    line = ["ssh", "-F", str(lab.folder / "ssh_config"), "-o", "BatchMode=yes", *options, host, command]
    return subprocess.run(line, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_hosts_are_apart_by_address_key_folder_and_home(openssh_lab: Lab) -> None:
    assert [host.address for host in openssh_lab.hosts] == ["127.0.1.1", "127.0.1.2", "127.0.1.3"]
    assert len({host.public_key for host in openssh_lab.hosts}) == 3
    for host in openssh_lab.hosts:
        done = ssh(openssh_lab, host.name, "echo $STELLA_LAB_HOST $HOME; touch ~/mark; exit 5")
        assert (done.stdout, done.returncode) == (f"{host.name} {host.folder}\n", 5), done.stderr
        assert host.folder is not None
        assert (host.folder / "mark").exists()


def test_a_wrong_host_key_is_noticed(openssh_lab: Lab, tmp_path: Path) -> None:
    one, other = openssh_lab.hosts[:2]
    (tmp_path / "known").write_text(f"[{one.address}]:{one.port} {other.public_key}\n")
    done = ssh(openssh_lab, one.name, "true", "-o", f"UserKnownHostsFile={tmp_path / 'known'}")
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_up_again_starts_nothing_and_down_leaves_nothing(openssh_lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    try:
        lab = openssh.up(folder, count=2)
        pids = [processes.read_pid(folder / "sshd" / f"lab{n}.pid") for n in (1, 2)]
        assert openssh.up(folder, count=2) == lab
        assert [processes.read_pid(folder / "sshd" / f"lab{n}.pid") for n in (1, 2)] == pids
        assert openssh.status(folder) == {"lab1": True, "lab2": True}

        openssh.stop_host(lab, "lab2")
        assert openssh.status(folder) == {"lab1": True, "lab2": False}
        assert ssh(lab, "lab2", "true").returncode == 255
        assert openssh.up(folder, count=2) == lab
        assert ssh(lab, "lab2", "true").returncode == 0

        session = subprocess.Popen(
            ["ssh", "-F", str(folder / "ssh_config"), "lab1", "echo up; sleep 60"], stdout=subprocess.PIPE
        )
        assert session.stdout is not None
        assert session.stdout.readline() == b"up\n"
    finally:
        said = openssh.down(folder, purge=True)
    assert said[0] == "stopped 2 sshd"
    assert session.wait(10) == 255
    session.stdout.close()
    assert not any(processes.is_alive(pid) for pid in pids if pid)
    assert not folder.exists()
    assert not Path(lab.settings["shared"]).exists()


def test_hosts_can_be_as_noisy_as_real_ones(openssh_lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    try:
        lab = openssh.up(folder, count=1, banner="KEEP OUT\n", noise='{"junk": 1}\n')
        done = ssh(lab, "lab1", "cat; exit 3", stdin="mine\n")
        assert done.stdout == '{"junk": 1}\nmine\n'
        assert "KEEP OUT" in done.stderr
        assert done.returncode == 3
        quiet = openssh.up(folder, count=1)
        assert ssh(quiet, "lab1", "echo mine").stdout == "mine\n"
    finally:
        openssh.down(folder, purge=True)


def test_fifty_hosts_start_fast(openssh_lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    try:
        began = time.monotonic()
        lab = openssh.up(folder, count=50)
        took = time.monotonic() - began
        assert all(openssh.status(folder).values())
        assert ssh(lab, "lab50", "echo $STELLA_LAB_HOST").stdout == "lab50\n"
    finally:
        openssh.down(folder, purge=True)
    assert took < 10  # 0.7 s on two idle cores
