"""The program that lives in a host's memory for the length of one connection.

It arrives on standard input, is never written to a disk, and ends when its input ends. It keeps the code it was
sent, forks a child for every task, and answers in frames on standard output:

    frame := length of payload (4 bytes, big-endian), kind (1 byte), task id (4 bytes), payload

To the host: CODE (name, newline, zlib-compressed source), TASK (JSON), DATA (bytes of a task's content stream,
empty at its end), CANCEL, ALIVE. To the controller: HELLO (JSON), RESULT (JSON), CRASH (JSON).

One loop serves all pipes, so that the end of the connection is seen at once, whatever the tasks are doing; then
every unfinished task is killed with its process group. A controller that falls silent for ``IDLE_SECONDS``
counts as gone. Should this program itself be killed, the kernel kills the tasks (see ``Lifeline``).

A task that ends in good order leaves alone what it has started: that is how daemons come to be.
"""

import collections
import errno
import fcntl
import importlib
import importlib.machinery
import json
import os
import select
import signal
import struct
import sys
import time
import traceback
import types
import zlib

HEADER = struct.Struct(">IBI")
MAGIC = b"\0stella-runner/1\n"
CODE, TASK, DATA, CANCEL, ALIVE = 1, 2, 3, 4, 5
HELLO, RESULT, CRASH = 16, 17, 18

IDLE_SECONDS = 600.0
GRACE_SECONDS = 2.0
READ_SIZE = 262144
# What pipes are asked to hold where content streams through them; by default it is a quarter of that.
PIPE_SIZE = 262144
F_SETPIPE_SZ = 1031
SPLICE_F_NONBLOCK = 2
HIGH_WATER = 4194304
NOISE_LIMIT = 4096
FRAME_LIMIT = 268435456
# The longest answer of a module, as JSON. Longer ones become a failure that says so.
RESULT_LIMIT = 67108864
# Linux tells of a peer that has shut down its writing side; Python 3.6 has no name for it.
POLLRDHUP = 0x2000 if sys.platform.startswith("linux") else 0


class MemoryFinder(object):
    """Imports ``stella_ops.remote.lib`` and its files from what the controller sent.

    A package's own code comes under the name of its file, ``….facts.__init__``.
    """

    def __init__(self):
        self.sources = {}
        self.packages = {"stella_ops", "stella_ops.remote", "stella_ops.remote.lib"}

    def add(self, name, source):
        if name.endswith(".__init__"):
            name = name[: -len(".__init__")]
            self.packages.add(name)
        self.sources[name] = source

    def find_spec(self, name, path=None, target=None):
        package = name in self.packages
        if name not in self.sources and not package:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin="stella:" + name, is_package=package)  # type: ignore[arg-type]

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        source = self.sources.get(module.__name__)
        if source is not None:
            exec(compile(source, "stella:" + module.__name__, "exec"), module.__dict__)

    def get_source(self, name):
        return self.sources.get(name, b"").decode("utf-8")


class Lifeline(object):
    """A pipe by which the kernel itself kills a task's process group when the runner is gone.

    The runner holds the writing end and never writes. The child asks for a signal to its group once something
    happens at the reading end; the only thing that can happen is that the runner dies. Linux only.
    """

    def __init__(self):
        self.read_fd, self.write_fd = os.pipe()

    def arm(self):
        """In the child."""
        if hasattr(fcntl, "F_SETSIG"):
            fcntl.fcntl(self.read_fd, fcntl.F_SETOWN, -os.getpgrp())
            fcntl.fcntl(self.read_fd, fcntl.F_SETSIG, signal.SIGKILL)
            self.set_async(True)

    def disarm(self):
        """In the child, for itself and all that it forked: from now on they may outlive the runner."""
        try:
            self.set_async(False)
        except OSError:
            # The module has closed it: then it is off already.
            pass

    def set_async(self, on):
        flags = fcntl.fcntl(self.read_fd, fcntl.F_GETFL)
        flags = flags | os.O_ASYNC if on else flags & ~os.O_ASYNC
        fcntl.fcntl(self.read_fd, fcntl.F_SETFL, flags)


class Child(object):
    """One running task: its process, and our ends of its pipes."""

    def __init__(self, task_id, pid, result_fd, noise_fd, content_fd, lifeline_fd, timeout):
        self.task_id = task_id
        self.pid = pid
        self.result_fd = result_fd
        self.noise_fd = noise_fd
        self.content_fd = content_fd
        self.lifeline_fd = lifeline_fd
        self.deadline = time.monotonic() + timeout if timeout else None
        self.timeout = timeout
        self.answer = bytearray()
        self.noise = bytearray()
        self.content = bytearray()
        self.content_ended = False
        self.closed_at = None
        self.killed = None
        self.kill_at = None


class Passage(object):
    """A long DATA frame on its way to a child, of which ``left`` bytes are still to be read from the input.

    Where the kernel can do it (and Python is 3.10 or newer), they go from pipe to pipe and never through here.
    """

    def __init__(self):
        self.child = None
        self.left = 0
        self.stuck = False
        self.splice = getattr(os, "splice", None)
        self.widened = False
        self.exact = False

    def begin(self, child, left):
        self.child = child
        self.left = left
        self.stuck = False
        if not self.widened:
            self.widened = True
            widen(0)
        if child is not None and child.content_fd is not None:
            widen(child.content_fd)

    def passed(self, count):
        self.left -= count
        if not self.left:
            self.child = None
            # Most often another frame like it follows: no more than its header is read here.
            self.exact = self.splice is not None

    def next_read(self):
        """How much to read of what is no rest of a long frame."""
        exact, self.exact = self.exact, False
        return HEADER.size if exact else READ_SIZE

    def is_stuck(self):
        """Whether the child must take some before more is read."""
        if self.child is None or self.child.content_fd is None:
            self.stuck = False
        return self.stuck


class Runner(object):
    """The loop."""

    def __init__(self):
        self.finder = MemoryFinder()
        self.codes = {}
        self.compiled = {}
        self.children = {}
        # Children that have answered and are about to end.
        self.leaving = set()
        # Process groups that were told to end: when they will be made to, and the pipes kept open for them.
        self.groups = {}
        self.inbox = bytearray()
        self.passage = Passage()
        self.outbox = collections.deque()
        self.outbox_size = 0
        self.heard = time.monotonic()
        self.poll = select.poll()
        self.watched = {}
        self.ended = False
        self.wake_read, self.wake_write = os.pipe()

    # -- start and end

    def run(self):
        for fd in (0, 1, self.wake_read, self.wake_write):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self.wake_write)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self.on_end_signal)
        sys.meta_path.insert(0, self.finder)
        self.watch(0, select.POLLIN)
        self.watch(self.wake_read, select.POLLIN)
        self.queue(MAGIC)
        self.send(HELLO, 0, json.dumps(describe_host()).encode("utf-8"))
        try:
            while not self.ended:
                self.turn()
        finally:
            self.kill_all()

    def on_end_signal(self, number, frame):
        self.ended = True

    def kill_all(self):
        """Ends every unfinished task with all of its group: politely, then by force."""
        left = set(self.groups)
        for child in self.children.values():
            kill_group(child.pid, signal.SIGTERM)
            left.add(child.pid)
        deadline = time.monotonic() + GRACE_SECONDS
        while left and time.monotonic() < deadline:
            for child in self.children.values():
                reaped(child.pid)
            left = {group for group in left if signal_group(group, 0)}
            if left:
                select.select([], [], [], 0.02)
                left &= living_groups() or left
        for group in left:
            signal_group(group, signal.SIGKILL)

    # -- the loop

    def watch(self, fd, events):
        if self.watched.get(fd, 0) == events:
            return
        if events:
            self.poll.register(fd, events)
            self.watched[fd] = events
        elif fd in self.watched:
            self.poll.unregister(fd)
            del self.watched[fd]

    def turn(self):
        self.watch(1, select.POLLOUT if self.outbox_size else 0)
        # A module that takes its content slowly, or a controller that reads slowly, stops our reading: the
        # sender then feels it through the SSH window and memory stays bounded. The end of input would go
        # unseen meanwhile, so hang-ups are watched all the same.
        waiting = sum(len(child.content) for child in self.children.values())
        full = waiting > HIGH_WATER or self.outbox_size > HIGH_WATER or self.passage.is_stuck()
        self.watch(0, select.POLLHUP | POLLRDHUP if full else select.POLLIN)
        for child in self.children.values():
            if child.content_fd is not None:
                waits = child.content or (child is self.passage.child and self.passage.stuck)
                self.watch(child.content_fd, select.POLLOUT if waits else 0)
        for fd, events in self.poll.poll(self.patience()):
            self.serve(fd, events)
        if full:
            # Signs of life queue up behind what is not being read.
            self.heard = time.monotonic()
        self.check_clocks()

    def patience(self):
        now = time.monotonic()
        ends = [self.heard + IDLE_SECONDS]
        ends.extend(at for at, _ in self.groups.values())
        for child in self.children.values():
            ends.extend(at for at in (child.deadline, child.kill_at) if at is not None)
            if child.closed_at is not None:
                ends.append(child.closed_at + GRACE_SECONDS)
        return max(0, min(ends) - now) * 1000 + 1

    def serve(self, fd, events):
        if fd == 0:
            self.read_input(events)
        elif fd == 1:
            self.write_output()
        elif fd == self.wake_read:
            drain(fd)
            self.reap()
        else:
            self.serve_child(fd)

    def serve_child(self, fd):
        for child in self.children.values():
            if fd == child.result_fd:
                self.read_answer(child)
            elif fd == child.noise_fd:
                self.read_noise(child)
            elif fd == child.content_fd:
                self.feed(child)
            else:
                continue
            # What was just served may be gone from the children.
            break

    def read_input(self, events):
        if not events & select.POLLIN:
            self.ended = True
            return
        data = self.read_passing() if self.passage.left else read_some(0, self.passage.next_read())
        if data == b"":
            self.ended = True
        elif data:
            self.heard = time.monotonic()
            self.inbox += data
            self.take_frames()

    def take_frames(self):
        at = 0
        size = len(self.inbox)
        while size - at >= HEADER.size:
            length, kind, task_id = HEADER.unpack_from(self.inbox, at)
            if length > FRAME_LIMIT:
                raise ValueError("a frame of %d bytes is too long" % length)
            start = at + HEADER.size
            if size - start < length:
                if kind == DATA:
                    # The rest of it need not be collected here first.
                    self.passage.begin(self.children.get(task_id), length - (size - start))
                    if size > start:
                        self.take(DATA, task_id, bytes(self.inbox[start:]))
                    at = size
                break
            self.take(kind, task_id, bytes(self.inbox[start : start + length]))
            at = start + length
        if at:
            del self.inbox[:at]

    def read_passing(self):
        """Pass on some of a long DATA frame; ``b""`` at the end of the input, else None."""
        passage, child = self.passage, self.passage.child
        if passage.splice is not None and child is not None and child.content_fd is not None and not child.content:
            try:
                count = passage.splice(0, child.content_fd, passage.left, flags=SPLICE_F_NONBLOCK)
            except OSError as problem:
                if problem.errno == errno.EAGAIN:
                    # There is input, so it is the child's pipe that is full.
                    passage.stuck = True
                elif problem.errno == errno.EPIPE:
                    self.refuse(child)
                elif problem.errno != errno.EINTR:
                    passage.splice = None
                return None
            if count == 0:
                return b""
            passage.passed(count)
        else:
            data = read_some(0, min(passage.left, READ_SIZE))
            if not data:
                return data
            passage.passed(len(data))
            if child is not None and child.content_fd is not None:
                child.content += data
                self.feed(child)
        self.heard = time.monotonic()
        return None

    def take(self, kind, task_id, payload):
        if kind == CODE:
            name, _, packed = payload.partition(b"\n")
            name = name.decode("utf-8")
            source = zlib.decompress(packed)
            if name.startswith("stella_ops."):
                self.finder.add(name, source)
            else:
                self.codes[name] = source
        elif kind == TASK:
            self.start(task_id, json.loads(payload.decode("utf-8")))
        elif kind == DATA:
            child = self.children.get(task_id)
            if child is not None and child.content_fd is not None:
                if payload:
                    child.content += payload
                else:
                    child.content_ended = True
                self.feed(child)
        elif kind == CANCEL:
            child = self.children.get(task_id)
            if child is not None:
                self.kill(child, "cancelled")

    def send(self, kind, task_id, payload):
        self.queue(HEADER.pack(len(payload), kind, task_id))
        self.queue(payload)
        self.write_output()

    def queue(self, data):
        # Views: a long answer is not copied on its way out.
        if len(data):
            self.outbox.append(memoryview(data))
            self.outbox_size += len(data)

    def write_output(self):
        while self.outbox:
            view = self.outbox[0]
            try:
                count = os.write(1, view[:READ_SIZE])
            except OSError as problem:
                if problem.errno in (errno.EAGAIN, errno.EINTR):
                    return
                self.ended = True
                self.outbox.clear()
                self.outbox_size = 0
                return
            self.outbox_size -= count
            if count == len(view):
                self.outbox.popleft()
            else:
                self.outbox[0] = view[count:]

    # -- tasks

    def start(self, task_id, request):
        # What can be prepared here is shared by every later child through fork.
        key = request["module"]
        problem = None
        code = self.compiled.get(key)
        try:
            for name in request["libs"]:
                if name not in sys.modules:
                    importlib.import_module(name)
            if code is None:
                code = compile(self.codes[key], "stella:" + request["name"], "exec")
                self.compiled[key] = code
        except Exception:
            problem = traceback.format_exc()
        if problem is not None:
            self.send(CRASH, task_id, json.dumps({"reason": "load", "noise": problem}).encode("utf-8"))
            return
        pipes = []
        try:
            for _ in range(2 + bool(request.get("content"))):
                pipes.append(os.pipe())
            lifeline = Lifeline()
            pipes.append((lifeline.read_fd, lifeline.write_fd))
            pid = os.fork()
        except OSError as failure:
            for pipe in pipes:
                os.close(pipe[0])
                os.close(pipe[1])
            text = "cannot start a process: %s" % failure.strerror
            self.send(CRASH, task_id, json.dumps({"reason": "fork", "noise": text}).encode("utf-8"))
            return
        (result_read, result_write), (noise_read, noise_write) = pipes[:2]
        content_read, content_write = pipes[2] if len(pipes) == 4 else (None, None)
        if pid == 0:
            self.become_child(request, code, result_write, noise_write, content_read, lifeline)
        for fd in (result_write, noise_write, content_read, lifeline.read_fd):
            if fd is not None:
                os.close(fd)
        for fd in (result_read, noise_read, content_write):
            if fd is not None:
                os.set_blocking(fd, False)
        timeout = request.get("timeout") or 0
        child = Child(task_id, pid, result_read, noise_read, content_write, lifeline.write_fd, timeout)
        self.children[task_id] = child
        self.watch(result_read, select.POLLIN)
        self.watch(noise_read, select.POLLIN)

    def become_child(self, request, code, result_fd, noise_fd, content_fd, lifeline):
        """Runs the module in the forked child. Never returns."""
        status = 1
        try:
            os.setsid()
            lifeline.arm()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(noise_fd, 1)
            os.dup2(noise_fd, 2)
            keep = {0, 1, 2, result_fd, content_fd, lifeline.read_fd}
            for fd in open_descriptors():
                if fd not in keep:
                    try:
                        os.close(fd)
                    except OSError:
                        pass
            for name, value in (request.get("environment") or {}).items():
                os.environ[name] = str(value)
            content = os.fdopen(content_fd, "rb") if content_fd is not None else None
            answer = run_module(code, request, content)
            lifeline.disarm()
            write_all(result_fd, answer)
            status = 0
        except BaseException:
            try:
                traceback.print_exc()
                sys.stderr.flush()
            except BaseException:
                status = 2
        finally:
            os._exit(status)

    def feed(self, child):
        if child is self.passage.child:
            self.passage.stuck = False
        while child.content:
            try:
                count = os.write(child.content_fd, memoryview(child.content)[:READ_SIZE])
            except OSError as problem:
                if problem.errno in (errno.EAGAIN, errno.EINTR):
                    return
                self.refuse(child)
                return
            del child.content[:count]
        if child.content_ended:
            self.forget(child.content_fd)
            child.content_fd = None

    def refuse(self, child):
        """The module does not want the rest of its content."""
        child.content = bytearray()
        self.forget(child.content_fd)
        child.content_fd = None

    def read_answer(self, child):
        data = read_some(child.result_fd)
        if data is None:
            return
        child.answer += data
        if complete(child.answer):
            self.finish(child)
        elif not data:
            # It cannot answer any more. Most often it is about to end, and how it ends tells why.
            self.forget(child.result_fd)
            child.result_fd = None
            if child.killed is None:
                child.closed_at = time.monotonic()

    def read_noise(self, child):
        data = read_some(child.noise_fd)
        if data is None:
            return
        if not data:
            self.forget(child.noise_fd)
            child.noise_fd = None
            return
        child.noise += data
        del child.noise[:-NOISE_LIMIT]

    def forget(self, fd):
        self.watch(fd, 0)
        os.close(fd)

    def reap(self):
        """A child ended: one that left no answer is told as a crash."""
        self.leaving = {pid for pid in self.leaving if reaped(pid) is None}
        for child in list(self.children.values()):
            status = reaped(child.pid)
            if status is None:
                continue
            while child.result_fd is not None and not complete(child.answer):
                data = read_some(child.result_fd)
                if not data:
                    break
                child.answer += data
            self.finish(child, status)

    def finish(self, child, status=None):
        """Tells how a task ended. ``status`` is its wait status, None when it has answered and still exits."""
        answered = complete(child.answer) and child.killed is None
        if child.noise_fd is not None and not answered:
            self.read_noise(child)
        del self.children[child.task_id]
        # What a killed or crashed module had started does not go on without it.
        lingers = not answered and signal_group(child.pid, 0 if child.killed else signal.SIGTERM)
        kept = [child.lifeline_fd]
        if lingers and child.noise_fd is not None:
            # To a shell that tidies up, a closed standard error would be deadly.
            self.watch(child.noise_fd, 0)
            kept.append(child.noise_fd)
            child.noise_fd = None
        for fd in (child.result_fd, child.noise_fd, child.content_fd):
            if fd is not None:
                self.forget(fd)
        child.content_fd = None
        if status is None:
            self.leaving.add(child.pid)
        if lingers:
            self.groups[child.pid] = (child.kill_at or time.monotonic() + GRACE_SECONDS, kept)
        else:
            os.close(child.lifeline_fd)
        if answered:
            self.send(RESULT, child.task_id, memoryview(child.answer)[4:])
            return
        crash = {
            "reason": child.killed or "died",
            "signal": os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None,
            "status": os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None,
            "timeout": child.timeout,
            "noise": bytes(child.noise).decode("utf-8", "replace"),
        }
        self.send(CRASH, child.task_id, json.dumps(crash).encode("utf-8"))

    def kill(self, child, reason):
        if child.killed is None:
            child.killed = reason
            child.closed_at = None
            child.deadline = None
            child.kill_at = time.monotonic() + GRACE_SECONDS
            kill_group(child.pid, signal.SIGTERM)

    def check_clocks(self):
        now = time.monotonic()
        if now - self.heard > IDLE_SECONDS:
            self.ended = True
        for child in list(self.children.values()):
            if child.deadline is not None and now >= child.deadline:
                self.kill(child, "timeout")
            elif child.closed_at is not None and now >= child.closed_at + GRACE_SECONDS:
                self.kill(child, "closed")
            elif child.kill_at is not None and now >= child.kill_at:
                child.kill_at = None
                kill_group(child.pid, signal.SIGKILL)
        for group, (at, kept) in list(self.groups.items()):
            if not signal_group(group, signal.SIGKILL if now >= at else 0) or now >= at:
                del self.groups[group]
                for fd in kept:
                    os.close(fd)


def run_module(code, request, content):
    """Runs the module's ``run`` and packs its result: 4 bytes of length, then JSON."""
    from stella_ops.remote.lib.task import execute

    module = types.ModuleType("__stella_module__")
    exec(code, module.__dict__)
    result = execute(module.run, module.__dict__.get("ARGUMENTS", {}), request, content)
    packed = json.dumps(result).encode("utf-8")
    if len(packed) > RESULT_LIMIT:
        text = "the module's answer of %d MiB is too long: the limit is %d MiB"
        result = {"failed": True, "changed": bool(result.get("changed"))}
        result["msg"] = text % (len(packed) >> 20, RESULT_LIMIT >> 20)
        packed = json.dumps(result).encode("utf-8")
    return struct.pack(">I", len(packed)) + packed


def complete(answer):
    return len(answer) >= 4 and len(answer) - 4 >= struct.unpack_from(">I", answer)[0]


def read_some(fd, size=READ_SIZE):
    """Bytes, ``b""`` at the end, or None when there is nothing to read now."""
    try:
        return os.read(fd, size)
    except OSError as problem:
        if problem.errno in (errno.EAGAIN, errno.EINTR):
            return None
        return b""


def widen(fd):
    """Let a pipe hold more; what is none, or may not, stays as it is."""
    try:
        fcntl.fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE)
    except OSError:
        pass


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


def open_descriptors():
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except (OSError, ValueError):
        return range(3, 256)


def go_home():
    """Modules start in the user's home. After sudo we are in the login user's, which may be closed to us."""
    for folder in (os.path.expanduser("~"), "/"):
        try:
            os.chdir(folder)
            return
        except OSError:
            continue


def describe_host():
    """What costs nothing to know."""
    system = os.uname()
    try:
        import pwd

        user = pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        user = str(os.geteuid())
    return {
        "protocol": 1,
        "python": "%d.%d.%d" % sys.version_info[:3],
        "executable": sys.executable,
        "pid": os.getpid(),
        "uid": os.geteuid(),
        "user": user,
        "home": os.path.expanduser("~"),
        "hostname": system[1],
        "system": system[0],
        "kernel": system[2],
        "machine": system[4],
        "time": time.time(),
    }


def main():
    try:
        go_home()
        Runner().run()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        # Nothing may be flushed or joined on the way out: the controller may be long gone.
        os._exit(88)


if __name__ == "__main__":
    main()
