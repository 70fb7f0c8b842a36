"""The service's hold on its pull side: a thread beside the loop, there only while there is an orchestrator.

The two share a ``Link`` and nothing else. The loop says what there is to do (a heartbeat was written, the
configuration changed, the end has come); the thread says what is wrong, and wakes the loop. A thread that
crashes is a reason in the heartbeats and is started again, after a pause that grows.
"""

import os
import signal
import threading
import time

from stella_ops.remote.agent import contact
from stella_ops.remote.agent.backoff import Backoff, jittered
from stella_ops.remote.agent.log_spool import LogSpool
from stella_ops.remote.agent.problem import Problem

LAST_WORDS_SECONDS = 3.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class Link(object):
    """What the loop and the thread tell each other.

    ``wake``: descriptor of the pipe that the service's loop waits on; a byte on it counts as a signal's number,
    0 for none in particular.
    """

    def __init__(self, wake):
        self.values = {}
        self.stopping = False
        self.next_beat = time.monotonic()
        self._wake = wake
        self._changed = threading.Condition()
        self._beats = 0
        self._nudged = False
        self._reasons = ()
        self._interrupt = None

    # The loop's half.

    def nudge(self, values=None):
        """Look again, now: the configuration may have changed, or somebody wants an attempt at once."""
        with self._changed:
            self.values = self.values if values is None else values
            self._nudged = True
            interrupt = self._interrupt
            self._changed.notify_all()
        if interrupt is not None:
            interrupt()

    def beat(self, next_beat):
        """A heartbeat was written; the next one comes at ``next_beat`` (of ``time.monotonic()``)."""
        with self._changed:
            early = time.monotonic() < self.next_beat - 1.0
            self.next_beat = next_beat
            self._beats += 1
            interrupt = self._interrupt if early else None
            self._changed.notify_all()
        if interrupt is not None:
            interrupt()  # else it waits for a task until the heartbeat that it was told of

    def stop(self):
        self.stopping = True
        self.nudge()

    def reasons(self):
        """Sentences of what is wrong, for the heartbeats."""
        return list(self._reasons)

    # The thread's half.

    def tell(self, *reasons):
        """Say what is wrong now; the loop makes a heartbeat of it when that is new."""
        if reasons != self._reasons:
            self._reasons = reasons
            self.wake(0)

    def reload(self):
        """Have the loop read configuration and certificate again, as by SIGHUP."""
        self.wake(signal.SIGHUP)

    def wake(self, number):
        try:
            os.write(self._wake, bytes(bytearray([number])))
        except OSError:
            pass  # full: then it is awake anyway

    def interruptible(self, interrupt):
        """What ends a long wait of the thread when it is nudged; None for nothing."""
        with self._changed:
            self._interrupt = interrupt

    @property
    def nudged(self):
        """Whether there was a nudge since ``take``."""
        return self._nudged or self.stopping

    def take(self):
        """The configuration's values as they are now."""
        with self._changed:
            self._nudged = False
            return self.values

    def beats(self):
        return self._beats

    def pause(self, seconds):
        """Wait; a nudge or the end cuts it short."""
        self._wait(lambda: False, seconds)

    def await_beat(self, seen, seconds):
        """Wait until there is another heartbeat than ``seen`` (of ``beats``), at most so long."""
        self._wait(lambda: self._beats != seen, seconds)

    def _wait(self, done, seconds):
        until = time.monotonic() + seconds
        with self._changed:
            while not (self._nudged or self.stopping or done()):
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)


class PullSide(object):
    """Starts, watches and ends the thread.

    ``make``: gives an object whose ``run()`` is the thread's work, by (layout, log, link, well), where
    ``well()`` says that it works; for tests.
    """

    def __init__(self, layout, log, wake, make=None):
        self._layout = layout
        self._log = log
        self._wake = wake
        self._link = Link(wake)
        self._make = make or _make_pull
        self._thread = None
        self._tunnel = None
        self._crash = None
        self._pause = Backoff(FIRST_PAUSE, longest=LONGEST_PAUSE, draw=lambda: 1.0)
        self._again_at = 0.0

    def listen(self, values):
        """Keep what is logged from now on for the orchestrator, if there is one."""
        self._link.values = values
        if self._is_wanted() and self._log.sink is None:
            self._log.sink = LogSpool(self._layout.logs)

    def configure(self, values):
        """Take over a configuration; starts the thread when there is an orchestrator, ends it when not."""
        self._link.nudge(values)
        self.tend()

    def tend(self):
        """See that the thread is as it should be: called at every heartbeat, before it is composed."""
        wanted = self._is_wanted()
        alive = self._thread is not None and self._thread.is_alive()
        if wanted and not alive and time.monotonic() >= self._again_at:
            self._start()
        elif not wanted and self._thread is not None:
            self._end()
        elif wanted and alive and self._tunnel_is_new():
            self._link.nudge()

    def reasons(self):
        return self._link.reasons() + ([self._crash] if self._crash else [])

    def interval(self, seconds):
        """When the next heartbeat is due: with an orchestrator not to the second, for a fleet must not march."""
        return jittered(seconds) if self._thread is not None else seconds

    def beat(self, next_beat):
        self._link.beat(next_beat)

    def finish(self):
        """Give the thread a moment to send the last heartbeat, and end it."""
        if self._thread is not None:
            self._end()

    def _is_wanted(self):
        return bool(self._link.values.get("orchestrator_url")) or os.path.exists(self._layout.tunnel_socket)

    def _tunnel_is_new(self):
        before, self._tunnel = self._tunnel, self._look_at_tunnel()
        return self._tunnel is not None and self._tunnel != before

    def _look_at_tunnel(self):
        """What tells one socket of that name from the next; None when there is none."""
        try:
            about = os.stat(self._layout.tunnel_socket)
        except OSError:
            return None
        return about.st_ino, about.st_ctime

    def _start(self):
        self._tunnel = self._look_at_tunnel()
        self.listen(self._link.values)
        if self._link.stopping:  # one that would not end in time keeps the old link, and with it its "stop"
            values, self._link = self._link.values, Link(self._wake)
            self._link.values = values
        self._thread = threading.Thread(target=self._work, args=(self._link,), name="pull", daemon=True)
        self._thread.start()

    def _end(self):
        self._link.stop()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(LAST_WORDS_SECONDS)
        self._log.sink = None
        self._crash = None
        self._link.tell()
        if not self._is_wanted():
            try:
                contact.forget(self._layout)
            except OSError:
                pass  # the status says so at the next change

    def _work(self, link):
        try:
            self._make(self._layout, self._log, link, self._well).run()
        except BaseException as problem:
            seconds = self._pause.next()
            self._again_at = time.monotonic() + seconds
            self._crash = "the pull side failed (%s); it is started again" % _describe(problem)
            self._log.error("pull-failed", problem=_describe(problem), restart_in_seconds=seconds)
            self._link.wake(0)

    def _well(self):
        """The thread has done what it is for: what crashed before is over."""
        self._pause.reset()
        if self._crash is not None:
            self._crash = None
            self._link.wake(0)


def _make_pull(layout, log, link, well):
    # Not before it is needed: TLS and HTTP are a third of the agent's memory.
    from stella_ops.remote.agent.pull import Pull

    return Pull(layout, log, link, well)


def _describe(problem):
    """Type and place, and the text only of what is ours: another's might quote what was sent."""
    import traceback

    if isinstance(problem, Problem):
        return problem.message
    trace = traceback.extract_tb(problem.__traceback__)
    place = "%s:%s" % (os.path.basename(trace[-1].filename), trace[-1].lineno) if trace else "?"
    return "%s at %s" % (type(problem).__name__, place)
