"""The program that lives in a host's memory for the length of one connection.

It arrives on standard input, is never written to a disk, and ends when its input ends. It keeps the code it was
sent, has tasks done by children (``child.py``), and answers in frames on standard output:

    frame := length of payload (4 bytes, big-endian), kind (1 byte), task id (4 bytes), payload

To the host: CODE (see ``loader.py``), TASK (JSON; then, with ``inline``, a newline and the task's content), DATA
(bytes of a task's content stream, empty at its end), CANCEL, ALIVE. To the controller: HELLO, RESULT, CRASH,
SKIPPED, all JSON; OUTPUT, which is of a task that still runs: what its program prints (see ``lib/live.py``), where
the request asks for it with ``live``.

A task may say that it comes ``after`` another one: it then waits for that one's end, and is skipped unless that one
went well. So a controller can send many tasks at once and none runs after a failure.

One loop serves all pipes, so that the end of the connection is seen at once, whatever the tasks are doing; then
every unfinished task is killed with its process group. A controller that falls silent for ``IDLE_SECONDS``
counts as gone. Should this program itself be killed, the kernel kills the tasks (see ``Lifeline``).

A task that ends in good order leaves alone what it has started: that is how daemons come to be.
"""

import _signal as signal  # type: ignore[import-not-found]
import errno
import gc
import os
import select
import sys
import time
from _collections import deque  # type: ignore[import-not-found]

from stella_ops.remote.runner import child as children
from stella_ops.remote.runner.passage import HEADER, Passage
from stella_ops.remote.runner.plainjson import dumps, loads
from stella_ops.remote.runner.processes import (
    READ_SIZE,
    drain,
    go_home,
    kill_group,
    living_groups,
    read_some,
    reaped,
    signal_group,
    trace,
)
from stella_ops.remote.runner.tasks import Tasks

MAGIC = b"\0stella-runner/1\n"
CODE, TASK, DATA, CANCEL, ALIVE = 1, 2, 3, 4, 5
HELLO, RESULT, CRASH, SKIPPED, OUTPUT = 16, 17, 18, 19, 20

IDLE_SECONDS = 600.0
GRACE_SECONDS = 2.0
SPLICE_F_NONBLOCK = 2
HIGH_WATER = 4194304
# So much may wait to be sent before what programs print is left in their pipes, where it will be cut short.
LIVE_WATER = 65536
NOISE_LIMIT = 4096
FRAME_LIMIT = 268435456
# How many ended tasks are remembered for those that were sent to follow them.
REMEMBERED = 256
# Linux tells of a peer that has shut down its writing side; Python 3.6 has no name for it.
POLLRDHUP = 0x2000 if sys.platform.startswith("linux") else 0


class Runner(object):
    """The loop."""

    def __init__(self, finder):
        self.tasks = Tasks(finder)
        # By the task that they are at; a child that is kept and has none is the idle one.
        self.children = {}
        self.idle = None
        # Tasks that were sent ahead, in order: the one they follow, their id, request, content.
        self.ahead = []
        # How the last tasks ended: whether those that follow them may run.
        self.went_well = {}
        # Children that have answered and are about to end.
        self.leaving = set()
        # Process groups that were told to end: when they will be made to, and the pipes kept open for them.
        self.groups = {}
        self.inbox = bytearray()
        self.passage = Passage()
        self.outbox = deque()
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
        self.watch(0, select.POLLIN)
        self.watch(self.wake_read, select.POLLIN)
        self.queue(MAGIC)
        self.send(HELLO, 0, dumps(describe_host()))
        try:
            while not self.ended:
                self.turn()
        finally:
            self.kill_all()

    def on_end_signal(self, number, frame):
        self.ended = True

    def kill_all(self):
        """Ends every unfinished task with all of its group: politely, then by force."""
        if self.idle is not None:
            # It ends by itself when there are no more orders.
            os.close(self.idle.content_fd)
        left = set(self.groups)
        for child in self.children.values():
            left.update(end_groups(child))
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
            if child.live and child.result_fd is not None:
                self.watch(child.result_fd, select.POLLIN if self.outbox_size < LIVE_WATER else 0)
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
        if self.idle is not None and fd in (self.idle.result_fd, self.idle.noise_fd):
            self.read_idle(self.idle, fd)
            return
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
                    child = self.children.get(task_id)
                    self.passage.begin(None if child is None or child.kept else child, length - (size - start))
                    if size > start:
                        self.take(DATA, task_id, bytes(self.inbox[start:]))
                    at = size
                break
            with memoryview(self.inbox) as view:
                payload = bytes(view[start : start + length])
            self.take(kind, task_id, payload)
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
            self.tasks.add(payload)
        elif kind == TASK:
            head, _, content = payload.partition(b"\n")
            request = loads(head)
            self.take_task(task_id, request, content if request.get("inline") else None)
        elif kind == DATA:
            child = self.children.get(task_id)
            if child is not None and child.content_fd is not None and not child.kept:
                if payload:
                    child.content += payload
                else:
                    child.content_ended = True
                self.feed(child)
        elif kind == CANCEL:
            child = self.children.get(task_id)
            if child is not None:
                self.kill(child, "cancelled")
            elif any(waiting[1] == task_id for waiting in self.ahead):
                self.ahead = [waiting for waiting in self.ahead if waiting[1] != task_id]
                self.follow(task_id, False)

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

    def take_task(self, task_id, request, content):
        after = request.get("after")
        if after is None or self.went_well.get(after):
            self.start(task_id, request, content)
        elif after in self.children or any(waiting[1] == after for waiting in self.ahead):
            self.ahead.append((after, task_id, request, content))
        else:
            self.send(SKIPPED, task_id, b"{}")
            self.follow(task_id, False)

    def follow(self, task_id, well):
        """A task has ended: start those that were to follow it, or skip them."""
        ended = [(task_id, well)]
        while ended:
            task_id, well = ended.pop()
            self.went_well[task_id] = well
            if len(self.went_well) > REMEMBERED:
                del self.went_well[min(self.went_well)]
            followers = [waiting for waiting in self.ahead if waiting[0] == task_id]
            if followers:
                self.ahead = [waiting for waiting in self.ahead if waiting[0] != task_id]
            for _, follower, request, content in followers:
                if well:
                    self.start(follower, request, content)
                else:
                    self.send(SKIPPED, follower, b"{}")
                    ended.append((follower, False))

    def start(self, task_id, request, content):
        keep = bool(request.get("keep")) and not request.get("content") and not request.get("environment")
        child = self.take_idle() if keep else None
        if child is not None:
            child.content += self.tasks.order(request, content, child.known)
        else:
            child = self.fork(task_id, request, content, keep and not self.has_kept())
        if child is None:
            self.follow(task_id, False)
            return
        child.begin(task_id, request.get("timeout") or 0, bool(request.get("live")))
        self.children[task_id] = child
        self.watch(child.result_fd, select.POLLIN)
        self.watch(child.noise_fd, select.POLLIN)
        if child.content:
            self.feed(child)

    def take_idle(self):
        """The idle child, to be given a task; None where there is none, or it has just died."""
        if self.idle is not None and reaped(self.idle.pid) is not None:
            self.dismiss(self.idle)
        child, self.idle = self.idle, None
        if child is not None:
            # What an earlier task had left to say is not the next one's.
            read_some(child.noise_fd)
        return child

    def has_kept(self):
        return self.idle is not None or any(child.kept for child in self.children.values())

    def fork(self, task_id, request, content, kept):
        """A child that is at the task; None, and the controller told, where that cannot be."""
        try:
            # What can be prepared here is shared by every later child through fork.
            self.tasks.code(request)
        except Exception:
            self.send(CRASH, task_id, dumps({"reason": "load", "noise": trace()}))
            return None
        try:
            return children.spawn(self.tasks, request, content, kept)
        except OSError as failure:
            text = "cannot start a process: %s" % failure.strerror
            self.send(CRASH, task_id, dumps({"reason": "fork", "noise": text}))
            return None

    def feed(self, child):
        """Write what waits for a child; a kept one may get more later."""
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
        if child.kept:
            self.watch(child.content_fd, select.POLLOUT if child.content else 0)
        elif child.content_ended:
            self.forget(child.content_fd)
            child.content_fd = None

    def refuse(self, child):
        """The module does not want the rest of its content, or the child has ended."""
        child.content = bytearray()
        self.forget(child.content_fd)
        child.content_fd = None

    def read_answer(self, child):
        data = read_some(child.result_fd)
        if data is None:
            return
        child.answer += data
        if child.live:
            self.pass_on(child)
        if child.complete():
            self.finish(child)
        elif not data:
            # It cannot answer any more. Most often it is about to end, and how it ends tells why.
            self.forget(child.result_fd)
            child.result_fd = None
            if child.killed is None:
                child.closed_at = time.monotonic()

    def pass_on(self, child):
        """Send what a task has printed so far."""
        for piece in child.pieces():
            self.send(OUTPUT, child.task_id, piece)

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
        if self.idle is not None and reaped(self.idle.pid) is not None:
            self.dismiss(self.idle)
        for child in list(self.children.values()):
            status = reaped(child.pid)
            if status is None:
                continue
            while child.result_fd is not None and not child.complete():
                data = read_some(child.result_fd)
                if not data:
                    break
                child.answer += data
                if child.live:
                    self.pass_on(child)
            self.finish(child, status)

    def finish(self, child, status=None):
        """Tells how a task ended. ``status`` is its wait status, None when it has answered and still exits."""
        answered = child.complete() and child.killed is None
        if child.noise_fd is not None and not answered:
            self.read_noise(child)
        task_id = child.task_id
        del self.children[task_id]
        if answered and child.kept and status is None and child.may_go_on():
            self.idle = child
            self.answer(child, task_id)
            return
        # What a killed or crashed module had started does not go on without it.
        lingering = []
        if not answered:
            number = 0 if child.killed else signal.SIGTERM
            lingering = [group for group in child.victims or child.groups(living=False) if signal_group(group, number)]
        lines = [child.lifeline]
        if child.pid in lingering and child.noise_fd is not None:
            # To a shell that tidies up, a closed standard error would be deadly.
            self.watch(child.noise_fd, 0)
            lines.append(Held(child.noise_fd))
            child.noise_fd = None
        for fd in (child.result_fd, child.noise_fd, child.content_fd):
            if fd is not None:
                self.forget(fd)
        child.content_fd = None
        if status is None:
            self.leaving.add(child.pid)
        # A line that is closed kills the group that it is aimed at.
        program_lines = [child.program_line] if child.kept else []
        for group in lingering:
            held, lines, program_lines = (
                (lines, [], program_lines) if group == child.pid else (program_lines, lines, [])
            )
            self.groups[group] = (child.kill_at or time.monotonic() + GRACE_SECONDS, held)
        for line in lines + program_lines:
            line.close()
        if answered:
            self.answer(child, task_id)
            return
        crash = {
            "reason": child.killed or "died",
            "signal": os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None,
            "status": os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None,
            "timeout": child.timeout,
            "noise": bytes(child.noise).decode("utf-8", "replace"),
        }
        self.send(CRASH, task_id, dumps(crash))
        self.follow(task_id, False)

    def answer(self, child, task_id):
        """Send what a child has answered."""
        flags = child.flags()
        self.send(CRASH if flags & children.UNLOADABLE else RESULT, task_id, child.result())
        self.follow(task_id, not flags & (children.FAILED | children.UNLOADABLE))

    def read_idle(self, child, fd):
        """A child without a task has nothing to say: it is gone, or out of order."""
        if read_some(fd) is None:
            return
        if fd == child.result_fd:
            self.leaving.add(child.pid)
            self.dismiss(child)
        else:
            self.watch(fd, 0)

    def dismiss(self, child):
        """The idle child is no more."""
        self.idle = None
        for fd in (child.result_fd, child.noise_fd, child.content_fd):
            if fd is not None:
                self.forget(fd)
        child.lifeline.close()
        child.program_line.close()

    def kill(self, child, reason):
        if child.killed is None:
            child.killed = reason
            child.closed_at = None
            child.deadline = None
            child.kill_at = time.monotonic() + GRACE_SECONDS
            child.victims = end_groups(child)

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
                for group in child.victims:
                    signal_victims(child, group, signal.SIGKILL)
        for group, (at, kept) in list(self.groups.items()):
            if not signal_group(group, signal.SIGKILL if now >= at else 0) or now >= at:
                del self.groups[group]
                for line in kept:
                    line.close()


class Held(object):
    """A descriptor that is kept open for those who are about to end."""

    def __init__(self, fd):
        self._fd = fd

    def close(self):
        os.close(self._fd)


def end_groups(child):
    """Tells all processes of a child's task to end; their groups."""
    groups = child.groups(living=True)
    for group in reversed(groups):
        signal_victims(child, group, signal.SIGTERM)
        # Some that stand still have to go on in order to end.
        signal_victims(child, group, signal.SIGCONT)
    return groups


def signal_victims(child, group, number):
    """Signals one of a child's groups."""
    # The number of a program that has ended may be another process's by now, though no other group's.
    (kill_group if group == child.pid else signal_group)(group, number)


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


def main(finder):
    """Serve until the input ends. Never returns."""
    # The runner makes no garbage to speak of.
    gc.disable()
    try:
        go_home()
        Runner(finder).run()
    except BaseException:
        sys.stderr.write(trace())
        sys.stderr.flush()
    finally:
        # Nothing may be flushed or joined on the way out: the controller may be long gone.
        os._exit(88)
