"""The install without a prefix, in /opt, /etc and /var of a throw-away copy of this machine's root.

An overlay in a mount and process namespace of its own takes every write; nothing outside is touched, and all
that was started there ends with it.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]

_ENTER = """
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs -o mode=755 tmpfs "$1/root/run"
mount -t tmpfs -o mode=1777 tmpfs "$1/root/tmp"
mkdir "$1/root/tmp/checkout" "$1/root/tmp/package"
mount --bind "$2" "$1/root/tmp/checkout"
mount --bind "$3" "$1/root/tmp/package"
exec chroot "$1/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH=/tmp/checkout \
    /usr/bin/python3 -c "$4"
"""

_PRELUDE = """
import json, os, pwd, stat, subprocess, sys
from stella_ops.remote.lib.task import run_module

def module(name, check=False, content=False, **args):
    stream = open("/tmp/package/stella-agent.pyz", "rb") if content else None
    result = run_module("/tmp/checkout/modules/%s.py" % name, args, check_mode=check, content=stream)
    assert "exception" not in result, result["exception"]
    return result

def owner(path):
    about = os.lstat(path)
    return pwd.getpwuid(about.st_uid).pw_name, stat.S_IMODE(about.st_mode)

def has_user():
    try:
        return list(pwd.getpwnam("stella-agent")[5:])
    except KeyError:
        return None

def left():
    return [path for path in ("/opt", "/etc", "/var/lib", "/var/log", "/run", "/etc/systemd/system")
            for name in os.listdir(path) if name.startswith("stella-agent")]

told = {}
"""


@pytest.fixture
def inside(tmp_path, package):
    """Run Python code in the throw-away root; what it put into ``told``."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not os.path.exists("/usr/bin/python3"):
        pytest.skip("needs root, unshare and /usr/bin/python3")
    folder = tmp_path / "root"
    folder.mkdir()
    enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _ENTER, "sh", str(folder)]

    def run(code):
        whole = f"{_PRELUDE}{code}\nprint('told', json.dumps(told))"
        given = [str(ROOT), str(package.path.parent), whole]
        done = subprocess.run([*enter, *given], capture_output=True, text=True, timeout=100, check=False)
        if "mount:" in done.stderr:
            pytest.skip(f"no overlay can be mounted here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.rpartition("told ")[2])

    return run


def _wanted(package, **more):
    wanted = {"version": package.version, "sha256": package.sha256, "size": package.size}
    return repr({**wanted, "unit": "[Service]\nExecStart=/bin/true\n", **more})


def test_from_install_to_removal(inside, package):
    told = inside(f"""
wanted = {_wanted(package)}
told["foretold"] = module("agent_install", check=True, **wanted)
told["user before"] = has_user()
told["installed"] = module("agent_install", content=True, **wanted)
told["again"] = module("agent_install", **wanted)
told["user"] = has_user()
told["owners"] = {{path: owner(path) for path in (
    "/opt/stella-agent", "/opt/stella-agent/versions/1.2.3/stella-agent.pyz", "/etc/stella-agent",
    "/var/lib/stella-agent", "/var/lib/stella-agent/spool", "/var/log/stella-agent",
    "/etc/systemd/system/stella-agent.service")}}
params = {{"agent_id": "a-1", "name": "web-01", "environment": "test", "token": "0" * 16 + "." + "s" * 43}}
config = {{"agent_id": "a-1", "agent_name": "web-01", "environment": "test"}}
told["rpc"] = module("agent_rpc", requests=[
    {{"method": "csr", "params": params}},
    {{"method": "apply-config", "params": {{"config": config, "revision": 1}}}}])
told["key"] = owner("/var/lib/stella-agent/identity/agent.key")
told["config"] = owner("/etc/stella-agent/agent.json")
os.rmdir("/run/stella-agent")  # as after a boot
told["started"] = module("agent_service", state="started", wait=20)
told["process"] = os.stat("/proc/%d" % told["started"]["pid"]).st_uid == pwd.getpwnam("stella-agent").pw_uid
# Root asks the agent by hand: what that writes stays the agent's.
document = json.dumps({{"requests": [{{"method": "apply-config", "params": {{
    "config": dict(config, heartbeat_interval="1s"), "revision": 2}}}}]}}).encode()
asked = subprocess.run(["/opt/stella-agent/current/stella-agent.pyz", "rpc"], input=document,
                       stdout=subprocess.PIPE, check=True)
told["by root"] = json.loads(asked.stdout.decode())["responses"][0]
told["config after"] = owner("/etc/stella-agent/agent.json")
tamper = "import os, sys; os.setgid(%d); os.setuid(%d); open('/opt/stella-agent/current/stella-agent.pyz', 'ab')"
entry = pwd.getpwnam("stella-agent")
told["tampering"] = subprocess.run([sys.executable, "-c", tamper % (entry.pw_gid, entry.pw_uid)],
                                   stderr=subprocess.PIPE).stderr.decode().splitlines()[-1]
told["removed"] = module("agent_remove")
told["gone"] = [has_user(), left()]
told["removed again"] = module("agent_remove")
""")
    assert told["user before"] is None
    assert told["foretold"]["changed"] is True
    assert told["installed"]["failed"] is False, told["installed"]
    assert told["foretold"]["actions"] == told["installed"]["actions"]
    assert told["again"]["changed"] is False, told["again"]
    assert told["user"][0] == "/var/lib/stella-agent"
    assert told["user"][1].endswith(("nologin", "false"))
    assert told["owners"] == {
        "/opt/stella-agent": ["root", 0o755],
        "/opt/stella-agent/versions/1.2.3/stella-agent.pyz": ["root", 0o755],
        "/etc/stella-agent": ["stella-agent", 0o755],
        "/var/lib/stella-agent": ["stella-agent", 0o755],
        "/var/lib/stella-agent/spool": ["stella-agent", 0o750],
        "/var/log/stella-agent": ["stella-agent", 0o755],
        "/etc/systemd/system/stella-agent.service": ["root", 0o644],
    }
    assert [response["ok"] for response in told["rpc"]["responses"]] == [True, True]
    assert told["key"] == ["stella-agent", 0o600]
    assert told["config"] == told["config after"] == ["stella-agent", 0o644]
    assert told["started"]["failed"] is False, told["started"]
    assert told["started"]["heartbeat"]["name"] == "web-01"
    assert told["process"] is True
    assert told["by root"]["ok"] is True, told["by root"]
    assert told["tampering"].startswith("PermissionError")
    assert told["removed"]["failed"] is False, told["removed"]
    assert told["gone"] == [None, []]
    assert told["removed again"]["changed"] is False


def test_a_failed_install_takes_its_user_and_folders_away_again(inside, package):
    told = inside(f"""
told["result"] = module("agent_install", content=True, **{_wanted(package, sha256="0" * 64)})
told["gone"] = [has_user(), left()]
""")
    assert "arrived damaged" in told["result"]["msg"]
    assert told["gone"] == [None, []]


def test_kept_data_keeps_its_owner_and_a_persons_account_is_never_removed(inside, package):
    told = inside(f"""
subprocess.run(["useradd", "-m", "stella-agent"], check=True)
told["installed"] = module("agent_install", content=True, **{_wanted(package)})
told["kept"] = module("agent_remove", keep_data=True)
told["data"] = owner("/var/lib/stella-agent")
told["removed"] = module("agent_remove")
told["user"] = has_user()
""")
    assert told["installed"]["failed"] is False, told["installed"]
    assert told["data"][0] == "stella-agent"
    assert "not made for the agent" in told["removed"]["warnings"][0]
    assert told["user"][0] == "/home/stella-agent"


def test_root_is_not_led_astray_by_a_link_put_in_a_folders_place(inside, package):
    """The agent's user owns /var/lib/stella-agent, and may swap what root has just made in it."""
    told = inside(f"""
os.mkdir("/victim", 0o700)
make = os.mkdir
def mkdir(path, *mode):
    make(path, *mode)
    if path == "/var/lib/stella-agent/queue":
        os.rmdir(path)
        os.symlink("/victim", path)
os.mkdir = mkdir
told["result"] = module("agent_install", content=True, **{_wanted(package)})
told["victim"] = owner("/victim")
""")
    assert told["result"]["failed"] is True
    assert told["victim"] == ["root", 0o700]


def test_a_first_install_is_taken_back_with_its_user_and_unit(inside, package):
    told = inside(f"""
before = module("agent_checkpoint")["checkpoint"]
told["user before"] = [before["user"], before["user_exists"]]
told["installed"] = module("agent_install", content=True, **{_wanted(package)})
params = {{"agent_id": "a-1", "name": "web-01", "environment": "test", "token": "0" * 16 + "." + "s" * 43}}
config = {{"agent_id": "a-1", "agent_name": "web-01", "environment": "test"}}
module("agent_rpc", requests=[
    {{"method": "csr", "params": params}},
    {{"method": "apply-config", "params": {{"config": config, "revision": 1}}}}])
module("agent_service", state="started", wait=20)
module("agent_service", state="stopped")
told["restored"] = module("agent_restore", checkpoint=before)
told["gone"] = [has_user(), left()]
told["again"] = module("agent_restore", checkpoint=before)
""")
    assert told["user before"] == ["stella-agent", False]
    assert told["installed"]["failed"] is False, told["installed"]
    assert told["restored"]["failed"] is False and told["restored"]["left"] == [], told["restored"]
    assert told["gone"] == [None, []]
    assert told["again"]["changed"] is False


def test_what_is_the_agents_is_brought_back_as_its_user(inside, package):
    told = inside(f"""
module("agent_install", content=True, **{_wanted(package)})
config = {{"agent_id": "a-1", "agent_name": "web-01", "environment": "test"}}
def configure(revision, **more):
    module("agent_rpc", requests=[
        {{"method": "apply-config", "params": {{"config": dict(config, **more), "revision": revision}}}}])
configure(1)
before = module("agent_checkpoint")["checkpoint"]
told["seen"] = sorted(before["contents"])
configure(2, heartbeat_interval="7s")
told["restored"] = module("agent_restore", checkpoint=before)
told["config"] = [open("/etc/stella-agent/agent.json").read(), owner("/etc/stella-agent/agent.json")]
told["revision"] = open("/var/lib/stella-agent/state/config.json").read()
told["again"] = module("agent_restore", checkpoint=before)["changed"]

# The agent's user puts a link in the place of a folder of its own, to have root write elsewhere.
os.mkdir("/victim", 0o700)
open("/victim/kept", "w").close()
os.rename("/var/lib/stella-agent/state", "/var/lib/stella-agent/aside")
os.symlink("/victim", "/var/lib/stella-agent/state")
told["trapped"] = module("agent_restore", checkpoint=before)
told["victim"] = [sorted(os.listdir("/victim")), owner("/victim")]
""")
    assert "/etc/stella-agent/agent.json" in told["seen"] and "/etc/systemd/system/stella-agent.service" in told["seen"]
    assert told["restored"]["left"] == [], told["restored"]
    assert "7s" not in told["config"][0] and told["config"][1] == ["stella-agent", 0o644]
    assert json.loads(told["revision"])["revision"] == 1
    assert told["again"] is False
    assert any("/var/lib/stella-agent/state" in sentence for sentence in told["trapped"]["left"]), told["trapped"]
    assert told["victim"] == [["kept"], ["root", 0o700]]
