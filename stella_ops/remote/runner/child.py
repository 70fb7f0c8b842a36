"""The processes that modules run in: forked from the runner, one for each task or kept for several.

A child answers with 4 bytes of length, a byte of flags, and JSON. Before that, where somebody watches, come pieces of
what its task's program prints (see ``lib/live.py``), each with a flag of its own.

A child that is kept serves one task after another, which saves the fork and the imports that many a task would do
again. It ends as soon as a task leaves anything behind: a process, a thread, a descriptor, other ids. Programs that
its tasks start have sessions of their own. So each process group belongs to one task at most, and killing it on a
timeout cannot hit a daemon that an earlier task has started.
"""

import _signal as signal  # type: ignore[import-not-found]
import _struct as struct
import fcntl
import gc
import io
import os
import select
import sys
import time

from stella_ops.remote.runner import plainjson, processes
from stella_ops.remote.runner.surroundings import Guard, Surroundings

HEAD = struct.Struct(">IB")
# fcntl(2): the names that Python lacks, and the structure f_owner_ex.
F_GETOWN_EX, F_OWNER_PGRP = 16, 2
OWNER = struct.Struct("ii")
FAILED, LEAVING, UNLOADABLE, OUTPUT = 1, 2, 4, 8

# The longest answer of a module, as JSON. Longer ones become a failure that says so.
RESULT_LIMIT = 67108864

ModuleType = type(sys)


class Lifeline(object):
    """A pipe by which the kernel itself kills a task's process group when the runner is gone.

    The runner holds the writing end and never writes. The child asks for a signal to its group once something
    happens at the reading end; the only thing that can happen is that the runner dies. Linux only.
    """

    def __init__(self):
        self.read_fd, self.write_fd = os.pipe()

    def cut(self):
        """In the child: whether the runner is gone."""
        line = select.poll()
        line.register(self.read_fd, 0)
        return bool(line.poll(0))

    def arm(self, group):
        """In the child: aim it at a process group."""
        if hasattr(fcntl, "F_SETSIG"):
            fcntl.fcntl(self.read_fd, fcntl.F_SETOWN, -group)
            fcntl.fcntl(self.read_fd, fcntl.F_SETSIG, signal.SIGKILL)
            self.set_async(True)

    def disarm(self):
        """In the child, for itself and all that it forked: from now on they may outlive the runner."""
        try:
            self.set_async(False)
        except OSError:
            # The module has closed it: then it is off already.
            pass

    def aimed_at(self):
        """The process group that it is armed for; None when it is not."""
        if not fcntl.fcntl(self.read_fd, fcntl.F_GETFL) & os.O_ASYNC:
            return None
        # Not F_GETOWN: it tells of a group by a negative number, which Python takes for an error.
        kind, owner = OWNER.unpack(fcntl.fcntl(self.read_fd, F_GETOWN_EX, bytes(OWNER.size)))
        # A group that has nobody left is told of as 0, which as a group to kill would be our own.
        return owner if kind == F_OWNER_PGRP and owner > 0 else None

    def close(self):
        """In the runner: all that it still holds of it."""
        for fd in (self.read_fd, self.write_fd):
            if fd >= 0:
                os.close(fd)

    def set_async(self, on):
        flags = fcntl.fcntl(self.read_fd, fcntl.F_GETFL)
        flags = flags | os.O_ASYNC if on else flags & ~os.O_ASYNC
        fcntl.fcntl(self.read_fd, fcntl.F_SETFL, flags)


class Child(object):
    """What the runner knows of a child: its process, our ends of its pipes, and the task it is at.

    Attributes:
        content_fd: where the content of its task goes, or its next tasks, when it is kept; or None.
        program_line: for a kept child, the lifeline of the program that its task has started.
        known: names of the code that it has.
    """

    def __init__(self, pid, result_fd, noise_fd, content_fd, lifeline, program_line, known):
        self.pid = pid
        self.result_fd = result_fd
        self.noise_fd = noise_fd
        self.content_fd = content_fd
        self.lifeline = lifeline
        self.program_line = program_line
        self.kept = program_line is not None
        self.known = known
        self.task_id = None
        self.content = bytearray()
        self.content_ended = False
        self.begin(None, 0, False)

    def begin(self, task_id, timeout, live):
        """Note that it starts a task; ``timeout`` in seconds, 0 for none; ``live``: whether its output is watched."""
        self.task_id = task_id
        self.live = live
        self.timeout = timeout
        self.deadline = time.monotonic() + timeout if timeout else None
        self.answer = bytearray()
        self.noise = bytearray()
        self.closed_at = None
        self.killed = None
        self.kill_at = None
        self.victims = []

    def groups(self, living):
        """The process groups of its task: its own, and that of the program that a kept child runs.

        Args:
            living: whether the child itself has not been waited for yet; its number may be another's then.
        """
        groups = [self.pid]
        if self.kept:
            aimed_at = self.program_line.aimed_at()
            if aimed_at is not None:
                groups.append(aimed_at)
            if living:
                # One that is only just being started is seen once the child stands still.
                found = processes.sessions_of_children(self.pid)
                groups.extend(group for group in found if group not in groups)
        return groups

    def pieces(self):
        """Take what its task has printed off the front of the answer."""
        answer = self.answer
        while len(answer) >= HEAD.size:
            length, flags = HEAD.unpack_from(answer)
            if not flags & OUTPUT or len(answer) - HEAD.size < length:
                return
            yield bytes(answer[HEAD.size : HEAD.size + length])
            del answer[: HEAD.size + length]

    def complete(self):
        """Whether all of its answer is here."""
        answer = self.answer
        if len(answer) < HEAD.size:
            return False
        length, flags = HEAD.unpack_from(answer)
        return len(answer) - HEAD.size >= length and not (self.live and flags & OUTPUT)

    def flags(self):
        return HEAD.unpack_from(self.answer)[1]

    def result(self):
        """The JSON of a complete answer."""
        return memoryview(self.answer)[HEAD.size : HEAD.size + HEAD.unpack_from(self.answer)[0]]

    def may_go_on(self):
        """Whether a kept child that has answered is fit for another task."""
        # One whose answer is longer than it said, or that has not even read its order, does not do as it should.
        whole = HEAD.size + HEAD.unpack_from(self.answer)[0] == len(self.answer) and not self.content
        return whole and self.noise_fd is not None and not self.flags() & LEAVING


def spawn(tasks, request, content, kept):
    """Fork a child that does a task at once. In the parent: what is to be known of it.

    Args:
        tasks: the code that is here, a ``Tasks``.
        request: the task.
        content: bytes that came with it, or None.
        kept: whether it waits for more tasks afterwards.

    Raises:
        OSError: no room for another process.
    """
    pipes = []
    program_line = None
    streams = bool(request.get("content"))
    try:
        for _ in range(2 + streams + kept):
            pipes.append(os.pipe())
        lifeline = Lifeline()
        pipes.append((lifeline.read_fd, lifeline.write_fd))
        if kept:
            program_line = Lifeline()
            pipes.append((program_line.read_fd, program_line.write_fd))
        # A child that looks for garbage leaves alone what it shares with us: what it touches is copied.
        getattr(gc, "freeze", gc.disable)()
        # A child that is told to end before it is rid of our handlers would only take note of it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, processes.END_SIGNALS)
        try:
            pid = os.fork()
        except OSError:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            raise
    except OSError:
        for pipe in pipes:
            os.close(pipe[0])
            os.close(pipe[1])
        raise
    result, noise = pipes[:2]
    content_read, content_write = pipes[2] if streams else (None, None)
    orders_read, orders_write = pipes[2] if kept else (None, None)
    if pid == 0:
        _live(tasks, request, content, result[1], noise[1], content_read, orders_read, lifeline, program_line, mask)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for fd in (result[1], noise[1], content_read, orders_read, lifeline.read_fd):
        if fd is not None:
            os.close(fd)
    for fd in (result[0], noise[0], content_write, orders_write):
        if fd is not None:
            os.set_blocking(fd, False)
    lifeline.read_fd = -1
    input_fd = orders_write if kept else content_write
    return Child(pid, result[0], noise[0], input_fd, lifeline, program_line, tasks.names())


def _live(tasks, request, content, result_fd, noise_fd, content_fd, orders_fd, lifeline, program_line, mask):
    """The life of a child. Never returns."""
    status = 1
    try:
        os.setsid()
        lifeline.arm(os.getpgrp())
        processes.default_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if hasattr(gc, "freeze") or orders_fd is not None:
            gc.enable()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(noise_fd, 1)
        os.dup2(noise_fd, 2)
        keep = {0, 1, 2, result_fd, content_fd, orders_fd, lifeline.read_fd}
        if program_line is not None:
            keep.add(program_line.read_fd)
        for fd in processes.open_descriptors():
            if fd not in keep:
                try:
                    os.close(fd)
                except OSError:
                    pass
        if orders_fd is None:
            _single(tasks, request, content, content_fd, result_fd, lifeline)
        else:
            _several(tasks, request, content, orders_fd, result_fd, lifeline, Guard(lifeline, program_line))
        status = 0
    except BaseException:
        try:
            sys.stderr.write(processes.trace())
            sys.stderr.flush()
        except BaseException:
            status = 2
    finally:
        os._exit(status)


def _single(tasks, request, content, content_fd, result_fd, lifeline):
    for name, value in (request.get("environment") or {}).items():
        os.environ[name] = str(value)
    stream = os.fdopen(content_fd, "rb") if content_fd is not None else _stream(content)
    flags, answer = _run(tasks.code(request), request, stream, result_fd)
    lifeline.disarm()
    processes.write_all(result_fd, HEAD.pack(len(answer), flags | LEAVING) + answer)


def _several(tasks, request, content, orders_fd, result_fd, lifeline, guard):
    surroundings = Surroundings(guard)
    while True:
        try:
            code = tasks.code(request)
            if hasattr(fcntl, "F_SETSIG"):
                for name in ("stella_ops.remote.lib.task", "stella_ops.remote.lib.process"):
                    if name in sys.modules:
                        vars(sys.modules[name])["guard"] = guard
        except Exception:
            answer = plainjson.dumps({"reason": "load", "noise": processes.trace()})
            flags = UNLOADABLE
        else:
            flags, answer = _run(code, request, _stream(content), result_fd)
        code = content = None
        if not surroundings.restore():
            flags |= LEAVING
        lifeline.disarm()
        processes.write_all(result_fd, HEAD.pack(len(answer), flags) + answer)
        if flags & LEAVING:
            return
        order = tasks.next_order(orders_fd)
        if order is None:
            return
        lifeline.set_async(True)
        if lifeline.cut():
            # The runner was gone before the line was up again; nobody wants this task any more.
            return
        request, content = order


def _stream(content):
    return None if content is None else io.BytesIO(content)


def _run(code, request, content, result_fd):
    """Runs the module's ``run``, or a module of another kind; flags and JSON of its result."""
    if request.get("folder"):
        processes.go_to(request["folder"])
    if "foreign" in request:
        from stella_ops.remote.lib import foreign

        def work():
            return foreign.run(code[0], code[1], request)

    else:
        from stella_ops.remote.lib.task import execute

        module = ModuleType("__stella_module__")
        exec(code, module.__dict__)
        spec = module.__dict__.get("ARGUMENTS", {})

        def work():
            return execute(module.run, spec, request, content, result_fd)

    if request.get("background"):
        # It is not waited for.
        request["live"] = None
        from stella_ops.remote.runner import jobs

        result = jobs.start(request["background"], work)
    else:
        result = work()
    packed = plainjson.dumps(result)
    if len(packed) > RESULT_LIMIT:
        text = "the module's answer of %d MiB is too long: the limit is %d MiB"
        result = {"failed": True, "changed": bool(result.get("changed"))}
        result["msg"] = text % (len(packed) >> 20, RESULT_LIMIT >> 20)
        packed = plainjson.dumps(result)
    # What still needs its content is not done: nothing may run after it.
    return FAILED if result.get("failed") or result.get("need_content") else 0, packed
