"""Services without systemd, and programs that outlive a module."""

import glob
import json
import os
import shlex
import subprocess

from stella_ops.remote.lib.module_utils.common.text.converters import to_bytes, to_text


def sysv_is_enabled(name, runlevel=None):
    """Whether a service is started in a runlevel, or in any."""
    folder = "/etc" if os.path.isdir("/etc/rc0.d/") else "/etc/init.d"
    return bool(glob.glob("{}/rc{}.d/S??{}".format(folder, runlevel or "?", name)))


def get_sysv_script(name):
    """The path of a service's script."""
    return name if name.startswith("/") else "/etc/init.d/{}".format(name)


def sysv_exists(name):
    """Whether a service has a script."""
    return os.path.exists(get_sysv_script(name))


def get_ps(module, pattern):
    """Whether a text is in the list of processes."""
    status, out, _ = module.run_command([module.get_bin_path("ps", True), "auxww"])
    return status == 0 and any(pattern in line for line in out.splitlines())


check_ps = get_ps


def fail_if_missing(module, found, service, msg=""):
    """End a module as failed where a service was not found."""
    if not found:
        module.fail_json(msg="Could not find the requested service {}: {}".format(service, msg))


def fork_process():
    """Fork a daemon: 0 in it, the id of a process that ends at once in the caller."""
    pid = os.fork()
    if pid:
        return pid
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        if number != null:
            os.dup2(null, number)
    if null > 2:
        os.close(null)
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    if os.fork():
        os._exit(0)
    return 0


def daemonize(module, cmd):
    """Run a program detached from everything; its exit status, output and errors."""
    words = cmd if isinstance(cmd, list) else shlex.split(to_text(cmd, errors="surrogate_or_strict"))
    words = [to_bytes(word, errors="surrogate_or_strict") for word in words]
    read, write = os.pipe()
    try:
        pid = fork_process()
    except OSError:
        module.fail_json(msg="Error while attempting to fork.")
    if pid == 0:
        try:
            os.close(read)
            child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            out, err = child.communicate()
            answer = [child.returncode, to_text(out), to_text(err)]
        except Exception as problem:
            answer = [257, "", str(problem)]
        with os.fdopen(write, "wb") as pipe:
            pipe.write(json.dumps(answer).encode("ascii"))
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read, "rb") as pipe:
        return tuple(json.loads(pipe.read().decode("ascii")))


def is_systemd_managed(module):
    """Whether systemd is what started this host."""
    if not module.get_bin_path("systemctl"):
        return False
    if any(os.path.exists(place) for place in ("/run/systemd/system/", "/dev/.run/systemd/", "/dev/.systemd/")):
        return True
    try:
        with open("/proc/1/comm") as source:
            return source.readline().strip() == "systemd"
    except OSError:
        return False
