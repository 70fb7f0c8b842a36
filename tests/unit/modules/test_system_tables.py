"""Modules whose whole work is a file: known_hosts, sysctl, cron's files, authorized_key; under every Python."""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path

import pytest

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIvfr1Rk6pKkuqA2Y2ZqN3S3bI6m0kF0WcU3m1mQnq2N"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJvfr1Rk6pKkuqA2Y2ZqN3S3bI6m0kF0WcU3m1mQnq2N"


@pytest.fixture
def tools(tmp_path):
    """A crontab(1) of a few lines, which keeps its table in a file, and a sysctl(8) that notes what it is told.

    They are mocks: the real ones would change this machine. The real ones are met in the e2e tests.
    """
    folder = tmp_path / "mock-bin"
    folder.mkdir()
    (folder / "crontab").write_text(
        f"#!/bin/sh\nT={tmp_path}/table\n"
        'case "$*" in *-l) [ -f $T ] || { echo "no crontab for you" >&2; exit 1; }; cat $T;; *) cat >$T;; esac\n'
    )
    (folder / "sysctl").write_text(f'#!/bin/sh\necho called "$@" >>{tmp_path}/sysctl.log\n[ $1 != -n ] || echo 0\n')
    for tool in folder.iterdir():
        tool.chmod(0o755)
    return {"PATH": f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin"}


def test_a_crontab_job_by_its_name(host, tools):
    def cron(**args):
        return host("cron", environment=tools, **args)

    table = host.folder / "table"
    assert cron(name="a", job="x", minute="5", check=True)["changed"] is True
    assert not table.exists()
    assert cron(name="a", job="x", minute="5")["jobs"] == ["a"]
    assert table.read_text() == "#Ansible: a\n5 * * * * x\n"
    assert cron(name="a", job="x", minute="5")["changed"] is False
    result = cron(name="a", job="y", special_time="hourly", disabled=True, diff=True)
    assert result["diff"]["after"] == "#Ansible: a\n#@hourly y\n"
    assert result["diff"]["before_header"] == "crontab"
    assert cron(name="PATH", job="/bin", env=True)["envs"] == ["PATH"]
    assert table.read_text() == 'PATH="/bin"\n#Ansible: a\n#@hourly y\n'
    assert cron(name="b", state="absent")["changed"] is False
    assert cron(name="a", state="absent")["jobs"] == []
    assert table.read_text() == 'PATH="/bin"\n'


def test_a_line_that_stands_there_already_gets_the_name(host, tools):
    table = host.folder / "table"
    table.write_text("# mine\n0 3 * * * job\n")
    result = host("cron", environment=tools, name="n", job="job", minute="0", hour="3")
    assert result["changed"] is True
    assert table.read_text() == "# mine\n#Ansible: n\n0 3 * * * job\n"


def test_a_cron_file_comes_and_goes(host, tools):
    path = host.folder / "jobs"
    args = {"name": "n", "job": "j", "user": "root", "cron_file": str(path), "environment": tools}
    assert host("cron", **args)["changed"] is True
    assert path.read_text() == "#Ansible: n\n* * * * * root j\n"
    assert path.stat().st_mode & 0o777 == 0o644
    again = host("cron", backup=True, **{**args, "job": "k"})
    backup = Path(again["backup_file"])
    assert backup.read_text() == "#Ansible: n\n* * * * * root j\n"
    assert backup.stat().st_mode & 0o777 == 0o600
    backup.unlink()
    assert host("cron", state="absent", **args)["changed"] is True
    assert not path.exists()
    assert host("cron", state="absent", **args)["changed"] is False


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"name": "n"}, "You must specify 'job'"),
        ({"name": "n", "job": "j", "cron_file": "x"}, "you must specify user="),
        ({"name": "n", "job": "j", "cron_file": "/etc/crontab", "user": "root"}, "Will not manage /etc/crontab"),
        ({"name": "n", "job": "j", "special_time": "daily", "hour": "1"}, "cannot combine special_time"),
        ({"name": "n", "job": "j", "insertafter": "X"}, "valid only with env"),
        ({"name": "a b", "job": "j", "env": True}, "Invalid name for environment variable"),
        ({"name": "A", "job": "j", "env": True, "insertbefore": "X"}, "Variable named 'X' not found."),
    ],
)
def test_cron_arguments_that_make_no_sense(host, tools, args, words):
    result = host("cron", environment=tools, **args)
    assert result["failed"] is True
    assert words in result["msg"]


def test_known_hosts(host):
    path = host.folder / "new" / "known"

    def known(**args):
        return host("known_hosts", path=str(path), **args)

    assert known(name="h", key=f"h {KEY}", check=True)["changed"] is True
    assert not path.exists()
    assert known(name="h", key=f"h {KEY}")["state"] == "file"
    assert known(name="h", key=f"h {KEY} a comment")["changed"] is False
    assert known(name="h", key=f"h {OTHER}")["diff"]["after"] == f"h {OTHER}\n"
    assert known(name="[p]:2222", key=f"[p]:2222 {KEY}", hash_host=True)["changed"] is True
    assert "[p]" not in path.read_text()
    assert known(name="[p]:2222", key=f"[p]:2222 {KEY}", hash_host=True)["changed"] is False
    found = subprocess.run(["ssh-keygen", "-F", "[p]:2222", "-f", path], capture_output=True, check=False)
    assert found.returncode == 0
    assert known(name="h", key=f"h {KEY}", state="absent")["changed"] is False
    assert known(name="h", state="absent")["changed"] is True
    assert "does not match" in known(name="x", key=f"h {KEY}")["msg"]
    assert known(name="x")["msg"] == "No key specified when adding a host"
    assert "is no line of a known_hosts file" in known(name="x", key="x nonsense")["msg"]


def test_sysctl(host, tools):
    path = host.folder / "s.conf"
    path.write_text("# keep\nnet.a = 5\nnet/b=1\n; gone\nnet.a=6\n")

    def sysctl(**args):
        return host("sysctl", environment=tools, sysctl_file=str(path), **args)

    assert sysctl(name="net.b", value="yes", reload=False)["changed"] is False
    assert sysctl(name="net.a", value="7", reload=False, check=True)["changed"] is True
    assert sysctl(name="net.a", value="7", reload=False)["changed"] is True
    assert path.read_text() == "# keep\nnet.a=7\nnet/b=1\n; gone\n"
    assert not (host.folder / "sysctl.log").exists()
    assert sysctl(name="net.c", value="1  2\t3")["changed"] is True
    assert (host.folder / "sysctl.log").read_text() == f"called -p {path}\n"
    assert sysctl(name="net.c", value="1 2 3", sysctl_set=True)["changed"] is True, "the kernel has 0"
    assert (host.folder / "sysctl.log").read_text().splitlines()[-1] == "called -w net.c=1 2 3"
    assert sysctl(name="net.b", state="absent", reload=False)["changed"] is True
    assert path.read_text() == "# keep\nnet.a=7\n; gone\nnet.c=1 2 3\n"
    assert sysctl(name="net.b")["msg"] == "state is present but all of the following are missing: value"


def test_authorized_key(host):
    path = host.folder / "keys" / "authorized"
    path.parent.mkdir(mode=0o700)

    def key(**args):
        return host("authorized_key", user=getpass.getuser(), path=str(path), **args)

    assert key(key=f"{KEY} one", check=True)["changed"] is True
    assert not path.exists()
    assert key(key=f"# comment\n{KEY} one\n\n{OTHER}\n")["changed"] is True
    assert path.read_text() == f"{KEY} one\n{OTHER}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert key(key=f"{KEY} one")["changed"] is False
    assert key(key=f"{KEY} one", key_options='from="a b",no-pty')["changed"] is True
    assert path.read_text() == f'from="a b",no-pty {KEY} one\n{OTHER}\n'
    assert key(key=KEY, state="absent")["changed"] is True
    path.write_text(f"# kept\n{KEY}\n{OTHER} x\n")
    assert key(key=f"{OTHER} x", exclusive=True)["changed"] is True
    assert path.read_text() == f"# kept\n{OTHER} x\n"
    assert "invalid key specified" in key(key="ssh-rsa")["msg"]
    missing = host("authorized_key", user="nobody_here", key=KEY)
    assert missing["msg"] == "Failed to lookup user nobody_here: \"getpwnam(): name not found: 'nobody_here'\""


def test_getent(host):
    found = host("getent", database="passwd", key="root")["ansible_facts"]["getent_passwd"]["root"]
    assert found[1:3] == ["0", "0"]
    assert host("getent", database="passwd", key="nobody_here", fail_key=False)["ansible_facts"] == {
        "getent_passwd": {"nobody_here": None}
    }
    assert "database unknown" in host("getent", database="nothing")["msg"]


@pytest.mark.parametrize(
    ("module", "args", "words"),
    [
        ("hostname", {"name": "a" * 65}, "longer than 64"),
        ("hostname", {"name": "a b"}, "cannot be a host's name"),
        ("hostname", {"name": "a", "use": "solaris"}, "not Linux"),
        ("group", {"name": "g", "non_unique": True}, "missing: gid"),
        ("group", {"name": "g", "force": True, "local": True}, "mutually exclusive"),
        ("user", {"name": "a:b"}, "cannot be a user's name"),
        ("user", {"name": "a", "password": "x:y"}, "no hash"),
        ("service", {"name": "s"}, "one of the following is required: state, enabled"),
        ("service", {"name": "s", "state": "started", "use": "upstairs"}, "not known here"),
        ("mount", {"path": "/m", "state": "mounted", "src": "x"}, "missing: fstype"),
        ("mount", {"path": "/m", "state": "present", "src": "x", "fstype": "a b"}, "one word"),
        ("mount", {"path": "/m", "state": "ephemeral", "src": "x", "fstype": "a", "fstab": "/f"}, "nothing to do"),
    ],
)
def test_arguments_that_make_no_sense(host, module, args, words):
    result = host(module, **args)
    assert result["failed"] is True
    assert words in result["msg"]
    assert "exception" not in result


def test_fstab_is_edited_in_place(host):
    table = host.folder / "fstab"
    table.write_text("# first\nUUID=1 / ext4 defaults 0 1\n\nold  /data   xfs\tnoatime\nsw none swap sw 0 0\n")
    args = {"fstab": str(table), "path": "/data", "fstype": "xfs", "state": "present"}
    assert host("mount", src="old", opts="noatime", **args)["changed"] is False
    result = host("mount", src="new", opts="noatime", boot=False, backup=True, **args)
    assert result["changed"] is True
    assert Path(result["backup_file"]).read_text().splitlines()[3] == "old  /data   xfs\tnoatime"
    assert table.read_text().splitlines()[3] == "new /data xfs noatime,noauto 0 0"
    swap = {"fstab": str(table), "path": "none", "fstype": "swap", "state": "present", "opts": "sw"}
    assert host("mount", src="sw", **swap)["changed"] is False
    assert host("mount", src="sw2", **swap)["changed"] is True
    assert host("mount", path="none", src="sw", fstab=str(table), state="absent_from_fstab")["changed"] is True
    assert table.read_text().splitlines()[4:] == ["sw2 none swap sw 0 0"]
    host("mount", src="a b", **{**args, "path": "/with blank"})
    assert table.read_text().splitlines()[-1] == "a\\040b /with\\040blank xfs defaults 0 0"
    assert host("mount", src="a b", **{**args, "path": "/with blank"})["changed"] is False
