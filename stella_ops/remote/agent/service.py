"""``stella-agent run``: the service itself, in the foreground.

One loop waits for the next heartbeat, a signal, or the end of its supervisor, whichever is first:

* SIGHUP reads the configuration again and gives a heartbeat at once, so that the controller sees its effect;
* SIGTERM and SIGINT give a last heartbeat ("stopping") and end cleanly.

Where there is an orchestrator, ``pull_side.PullSide`` calls it in a thread beside the loop; what is wrong there is
a reason in the heartbeats.

Without a configuration or a certificate it runs "degraded" and says why. Intervals are measured on the
monotonic clock: a step of the wall clock neither floods nor starves the heartbeats.
"""

import os
import select
import signal
import time

from stella_ops.remote.agent import certificate, configuration, heartbeat, storage, succession
from stella_ops.remote.agent.notify import Notifier
from stella_ops.remote.agent.pull_side import PullSide
from stella_ops.remote.agent.spool import Spool
from stella_ops.remote.agent.version import package_sha256, version
from stella_ops.remote.lib import agent_config, pidfile

_LOOK = 0  # on the pipe of signals: no signal, but something that the next heartbeat is to say
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Service(object):
    """One run of the agent.

    ``supervisor``: file descriptor of a socket to the supervisor, or None. "ready" is said on it once, and
    its end means that the supervisor is gone.
    """

    def __init__(self, layout, log, supervisor=None):
        self._layout = layout
        self._log = log
        self._supervisor = supervisor
        self._notifier = Notifier()
        self._version = version()
        self._package_sha256 = package_sha256()
        self._certificate = certificate.CertificateWatch(layout.certificate)
        self._configuration = configuration.Applied(None)
        self._interval = 30.0
        self._started = time.monotonic()
        self._started_at = storage.iso()
        self._spool: "Spool"  # from _start on, when we are the only one
        self._pull: "PullSide"  # likewise
        self._first_seq = None
        self._complaints = None
        self._fingerprint = None
        self._recorded_fingerprint = None

    def run(self):
        """Run until told to stop; the exit status."""
        wake, writing = self._catch_signals()
        storage.prepare_folders(self._layout)
        claim = pidfile.PidFile(self._layout.pidfile)
        try:
            # A supervisor that was killed leaves an agent that is just about to end.
            claim.acquire(wait=10.0 if self._supervisor is not None else 1.0)
        except (pidfile.AlreadyRunning, OSError) as problem:
            return self._refuse(problem)
        try:
            self._pull = PullSide(self._layout, self._log, writing)
            self._start()
            self._loop(wake)
            self._stop()
        except OSError as problem:
            return self._refuse(problem)
        finally:
            claim.release()
        return 0

    def _catch_signals(self):
        """Have signals wake the loop: as bytes on a pipe, so that none is lost between two waits."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        return reading, writing

    def _refuse(self, problem):
        self._log.error("failed", problem=str(problem))
        self._tell_supervisor("failed: %s" % problem)
        return 1

    def _start(self):
        succession.finish(self._layout)
        last = storage.read_json(self._layout.heartbeat) or {}
        known = last.get("seq")
        self._spool = Spool(self._layout.heartbeats, known if type(known) is int else 0)
        self._first_seq = self._spool.seq + 1
        self._configure()
        self._pull.listen(self._configuration.values)
        self._log.info(
            "started",
            version=self._version,
            config_sha256=self._configuration.sha256,
            heartbeat_interval=self._interval,
        )
        self._beat()
        self._record("running")
        self._pull.configure(self._configuration.values)
        self._notifier.send("READY=1", "STATUS=running")
        self._tell_supervisor("ready")

    def _stop(self):
        self._notifier.send("STOPPING=1")
        self._beat(stopping=True)
        self._pull.finish()
        self._record("stopped")
        self._log.info("stopped")

    def _configure(self):
        """Take over the configuration on disk, if it is valid; else the one in force stays."""
        fresh = configuration.load(self._layout)
        if fresh.problems:
            self._configuration.problems = fresh.problems
        else:
            self._configuration = fresh
        values = self._configuration.values
        self._interval = agent_config.parse_duration(values["heartbeat_interval"])
        logging = values["observability"]["logging"]
        self._log.level, self._log.form = logging["level"], logging["format"]

    def _loop(self, wake):
        due = self._next_beat()
        watchdog = self._notifier.watchdog_seconds
        alive = time.monotonic()
        watched = [wake] + ([] if self._supervisor is None else [self._supervisor])
        while True:
            now = time.monotonic()
            until = due if not watchdog else min(due, alive + watchdog / 2)
            readable = select.select(watched, [], [], max(0.0, until - now))[0]
            now = time.monotonic()
            if watchdog and now >= alive + watchdog / 2:
                self._notifier.send("WATCHDOG=1")
                alive = now
            if self._supervisor in readable and not _still_open(self._supervisor):
                self._log.warning("supervisor-gone", action="stopping")
                return
            received = set(os.read(wake, 4096)) if wake in readable else set()
            if signal.SIGTERM in received or signal.SIGINT in received:
                self._log.info("stopping", signal="SIGTERM" if signal.SIGTERM in received else "SIGINT")
                return
            if signal.SIGHUP in received:
                self._configure()
                self._log.info(
                    "configuration-reloaded",
                    config_sha256=self._configuration.sha256,
                    heartbeat_interval=self._interval,
                    problems=self._configuration.problems,
                )
                self._pull.configure(self._configuration.values)
                due = now  # a heartbeat at once
            if _LOOK in received:
                due = now
            if now >= due:
                self._pull.tend()
                self._beat()
                due = self._next_beat()
                if signal.SIGHUP in received or self._fingerprint != self._recorded_fingerprint:
                    self._record("running")

    def _next_beat(self):
        due = time.monotonic() + self._pull.interval(self._interval)
        self._pull.beat(due)
        return due

    def _beat(self, stopping=False):
        known, problem = self._certificate.look()
        self._fingerprint = known["fingerprint_sha256"] if known else None
        beat = heartbeat.compose(self._configuration, known, problem, self._version, self._started, stopping)
        complaints = self._pull.reasons()
        if complaints:
            heartbeat.complain(beat, complaints)
        if beat["reasons"] != self._complaints:
            self._complaints = beat["reasons"]
            if self._complaints:
                self._log.warning("degraded", reasons=self._complaints)
            else:
                self._log.info("healthy")
        try:
            beat = self._spool.append(beat)
            storage.write_json(self._layout.heartbeat, beat)
        except OSError as trouble:
            self._log.error("heartbeat-not-written", problem=str(trouble))
        else:
            self._log.debug("heartbeat", seq=beat["seq"], status=beat["status"])

    def _record(self, state):
        status = {
            "state": state,
            "pid": os.getpid(),
            "started_at": self._started_at,
            "version": self._version,
            "package_sha256": self._package_sha256,
            "config_sha256": self._configuration.sha256,
            "certificate_fingerprint": self._fingerprint,
            "first_seq": self._first_seq,
        }
        if state == "stopped":
            status["stopped_at"] = storage.iso()
        self._recorded_fingerprint = self._fingerprint
        try:
            storage.write_json(self._layout.status, status)
        except OSError as problem:
            self._log.error("status-not-written", problem=str(problem))

    def _tell_supervisor(self, message):
        if self._supervisor is not None:
            try:
                os.write(self._supervisor, (message + "\n").encode("utf-8"))
            except OSError:
                pass


def _still_open(descriptor):
    try:
        return bool(os.read(descriptor, 64))
    except OSError:
        return False
