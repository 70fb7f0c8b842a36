"""Pipes and processes, as the kernel has them."""

import _signal as signal  # type: ignore[import-not-found]
import errno
import os
import time

READ_SIZE = 262144

END_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def read_some(fd, size=READ_SIZE):
    """Bytes, ``b""`` at the end, or None when there is nothing to read now."""
    try:
        return os.read(fd, size)
    except OSError as problem:
        if problem.errno in (errno.EAGAIN, errno.EINTR):
            return None
        return b""


def read_exactly(fd, size):
    """So many bytes, or fewer at the end."""
    parts = []
    while size:
        data = os.read(fd, min(size, READ_SIZE))
        if not data:
            break
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def drain(fd):
    while read_some(fd):
        pass


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def reaped(pid):
    """The wait status of a child that has ended, else None."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except OSError:
        return 0
    return status if ended else None


def signal_group(pid, number):
    """Signals a process group; False if it has nobody left (0: only asks)."""
    try:
        os.killpg(pid, number)
        return True
    except OSError as problem:
        return problem.errno == errno.EPERM


def kill_group(pid, number):
    """Signals the group of a child that is not reaped yet."""
    # Just after the fork the group may not exist yet; then the process itself is all there is.
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, number)
            return
        except OSError:
            continue


def living_groups():
    """Process groups with more to them than zombies, which many a container's first process leaves about."""
    groups = set()
    for name in os.listdir("/proc") if os.path.exists("/proc/self/stat") else ():
        try:
            with open("/proc/%d/stat" % int(name), "rb") as stat:
                # The state follows the command's name, which may hold blanks and brackets itself.
                fields = stat.read().rpartition(b")")[2].split()
        except (OSError, ValueError):
            continue
        if fields and fields[0] not in (b"Z", b"X"):
            groups.add(int(fields[2]))
    return groups


def sessions_of_children(pid):
    """Stops a process with its group; those of its children that have a session of their own by now."""
    found = []
    try:
        # With its group: a child that stands still before its setsid(2) cannot slip away after we have looked.
        os.killpg(pid, signal.SIGSTOP)
        for _ in range(100):
            with open("/proc/%d/stat" % pid, "rb") as stat:
                if stat.read().rpartition(b")")[2].split()[0] in (b"T", b"Z", b"X"):
                    break
            time.sleep(0.001)
        # Each thread has children of its own.
        for thread in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, thread)) as children:
                found += [child for child in map(int, children.read().split()) if is_leader(child)]
    except OSError:
        # It is gone, or this kernel does not tell.
        pass
    return found


def is_leader(pid):
    """Whether a process has a group of its own."""
    try:
        return os.getpgid(pid) == pid
    except OSError:
        return False


def open_descriptors():
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except (OSError, ValueError):
        return range(3, 256)


def default_signals():
    """A fresh child's: what the runner handles is no business of a module's."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    # As in any Python: a program that does not read what it is given is no reason to die.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def go_home():
    """Modules start in the user's home. After sudo we are in the login user's, which may be closed to us."""
    go_to(os.path.expanduser("~"), "/")


def go_to(*folders):
    """Change to the first of some folders that can be entered, if there is one."""
    for folder in folders:
        try:
            os.chdir(folder)
            return
        except OSError:
            continue


def trace():
    """The exception being handled, as text."""
    import traceback

    return traceback.format_exc()
