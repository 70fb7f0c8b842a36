"""The agent's pull side: calls the orchestrator, and goes on when there is no answer.

One visit after the other: connect with the agent's certificate, register, then at each heartbeat send what is
kept and do what the answers ask for, with a waiting request for tasks in between. Whatever fails ends the visit;
the next one comes after a pause that grows (full jitter), after ``max_reconnect_attempts`` of them slowly, and
after a refusal of the certificate every five minutes. Nothing that is kept is lost by that.
"""

import sys
import time

from stella_ops.remote.agent import (
    certificate,
    contact,
    renewal,
    rpc,
    storage,
    tasks,
    tls_problem,
    trust,
)
from stella_ops.remote.agent.backoff import LONGEST, Backoff, jittered
from stella_ops.remote.agent.desired import Desired
from stella_ops.remote.agent.endpoint import endpoints
from stella_ops.remote.agent.http_client import ANSWER_SECONDS, Client, Interrupted
from stella_ops.remote.agent.problem import Problem
from stella_ops.remote.agent.reports import SELF, Reports
from stella_ops.remote.agent.version import PROTOCOL, version
from stella_ops.remote.lib import agent_config
from stella_ops.remote.lib.agent_config import NAME_PATTERN

LONGEST_WAIT = 30
UPDATES_SECONDS = 3600.0
SKEW_REASON_SECONDS = 300

# Asking more often would not help: an operator has to do something first.
_LASTING = ("refused", "certificate-refused", "no-identity", "invalid-identity", "not-me", "invalid-proxy")
# Where going on with the next request makes no sense.
_CONNECTION = ("cut", "slow", "unreachable", "tls", "certificate-refused")
# While the tunnel's socket is there without anybody behind it, the URL is tried as well.
_NOBODY = ("unreachable", "cut")


class Pull(object):
    """The thread's work.

    ``link``: the ``pull_side.Link`` to the service. ``well()`` is called when a visit has come as far as to
    have registered.
    """

    def __init__(self, layout, log, link, well):
        self._layout = layout
        self._log = log
        self._link = link
        self._well = well
        self._values = agent_config.with_defaults(link.values)
        self._contact = contact.Contact(layout, self._values["agent_id"])
        self._desired = Desired(layout, log, self._values["agent_id"])
        self._watch = certificate.CertificateWatch(layout.certificate)
        self._backoff = Backoff(1.0)
        self._since = storage.iso()
        self._reason = None
        self._reports = Reports(layout, log, self._save)
        self._updates_at = 0.0
        self._renewal_at = 0.0
        self._renewal_problem = None
        self._endpoint = None

    def run(self):
        """Go on until the link says stop."""
        while not self._link.stopping:
            try:
                self._visit()
            except Interrupted:
                continue
            except Problem as problem:
                self._pause_after(problem)
        self._contact.state = contact.STOPPED
        self._save()

    # One visit.

    def _visit(self):
        """Returns when a new connection is needed; raises Problem."""
        self._take_values()
        known = self._identity()
        client, who = self._register(known)
        try:
            self._serve(client, known, who)
        finally:
            self._link.interruptible(None)
            client.close()

    def _take_values(self):
        values = agent_config.with_defaults(self._link.take())
        if values["agent_id"] != self._contact.agent_id:
            self._contact = contact.Contact(self._layout, values["agent_id"])
            self._desired = Desired(self._layout, self._log, values["agent_id"])
        self._values = values
        self._backoff.base = agent_config.parse_duration(values["reconnect_backoff"])

    def _identity(self):
        known, problem = self._watch.look()
        if known is None:
            raise Problem("no-identity", "%s: the orchestrator cannot be called without" % problem, _ENROL)
        if known["not_after"] < storage.iso():
            message = "the certificate has expired at %s: the orchestrator takes it no more" % known["not_after"]
            raise Problem("no-identity", message, _ENROL + ", or set this host's clock if it is that")
        return known

    def _register(self, known):
        """A client that is connected and registered, and what the orchestrator calls us."""
        found = endpoints(self._layout, self._values["orchestrator_url"])
        ca = storage.read_bytes(self._layout.ca)
        if not found or ca is None:
            raise Problem("no-identity", "no CA certificate is installed" if found else "no orchestrator is there")
        context = trust.trusting(ca.decode("ascii", "replace"), self._layout.certificate, self._layout.key)
        for endpoint in found:
            client = Client(endpoint, context)
            self._endpoint, self._contact.url = endpoint, endpoint.url
            try:
                return client, self._introduce(client)
            except Problem as problem:
                client.close()
                if endpoint is found[-1] or problem.code not in _NOBODY:
                    raise
        raise AssertionError("unreachable")

    def _introduce(self, client):
        me = self._values["agent_id"]
        # Of many attempts in a row the log tells the first and the one that does well.
        step = {"step": 6, "orchestrator": client.endpoint.url, "agent_id": me}
        (self._log.debug if self._contact.attempts else self._log.info)("Register", **step)
        document = {
            "version": version(),
            "protocol": PROTOCOL,
            "python": "%d.%d.%d" % sys.version_info[:3],
            "status": rpc.answer(self._layout, {"method": "status"}).get("result"),
        }
        who = client.json("POST", SELF + "register", document)
        for field in ("agent_id", "name", "environment"):
            if not isinstance(who.get(field), str) or not NAME_PATTERN.match(who[field]):
                raise Problem("bad-answer", "%s: the answer's %s is not a name" % (client.endpoint.url, field))
        if who["agent_id"] != me:
            message = "the certificate is of agent %s, the configuration of %s" % (who["agent_id"], me)
            raise Problem("not-me", message, _ENROL)
        if self._contact.attempts:
            self._log.info("Register", **step)
        self._log.info("Confirm", step=7, orchestrator=client.endpoint.url, name=who["name"])
        self._answered(client)
        return who

    def _serve(self, client, known, who):
        hints = who
        self._link.interruptible(client.interrupt)
        while True:
            # Asked before: the last heartbeat may come while the ones before it are sent.
            ending = self._link.stopping
            beats = self._link.beats()
            hints = self._reports.send(client, self._contact, hints)
            if ending:
                return
            if self._desired.follow(client, hints.get("config_sha256")):
                self._link.reload()
            if self._renew(client, known, who):
                return
            self._look_for_updates(client)
            self._answered(client)
            self._wait_for_beat(client, beats)
            if not self._link.stopping and not self._is_current(known):
                return

    def _is_current(self, known):
        """Whether this connection is still the one to use: same place to call, same certificate."""
        self._take_values()
        present, _ = self._watch.look()
        found = endpoints(self._layout, self._values["orchestrator_url"])
        first = found[0] if found else None
        return first == self._endpoint and present is not None and present == known

    # What is asked.

    def _wait_for_beat(self, client, beats):
        """Wait for the next heartbeat; meanwhile the orchestrator may have tasks."""
        while self._link.beats() == beats and not self._link.nudged:
            left = self._link.next_beat - time.monotonic()
            wait = int(min(LONGEST_WAIT, left))
            if wait < 1 or not self._ask_for_tasks(client, wait):
                # One more second: the loop may be busy with the very heartbeat.
                self._link.await_beat(beats, max(0.0, left) + 1.0)
                return

    def _ask_for_tasks(self, client, wait):
        """Whether to ask again at once: not where nobody answers such questions, or not as slowly as asked."""
        began = time.monotonic()
        try:
            path = "%stasks?wait=%d" % (SELF, wait)
            answer = client.json("GET", path, seconds=wait + ANSWER_SECONDS, wait=True)
        except Interrupted:
            return True
        except Problem as problem:
            if problem.code == "not-there":
                return False
            raise
        found = answer.get("tasks")
        for task in found[: tasks.MAX_TASKS] if isinstance(found, list) else []:
            result = tasks.answer(self._layout, task)
            if result is not None:
                self._log.info("task-done", task=result["id"], method=str(task.get("method"))[:64])
                self._reports.results.append(result)
        done = bool(self._reports.results)
        self._reports.send_results(client)
        return done or time.monotonic() - began > 0.5

    def _renew(self, client, known, who):
        """Renew the certificate when it is due; whether it is another one now."""
        due = renewal.due_at(known, self._values)
        if due is None or time.time() < due or time.monotonic() < self._renewal_at:
            return False
        try:
            fingerprint = renewal.renew(self._layout, client, known, who)
        except (Problem, OSError) as problem:
            self._renewal_at = time.monotonic() + renewal.RETRY_SECONDS
            said = problem.message if isinstance(problem, Problem) else str(problem)
            self._renewal_problem = "the certificate ends at %s and is not renewed: %s" % (known["not_after"], said)
            self._log.error("certificate-not-renewed", not_after=known["not_after"], problem=said)
            if isinstance(problem, Problem) and problem.code in _CONNECTION:
                raise
            return False
        self._renewal_problem = None
        self._log.info("certificate-renewed", fingerprint=fingerprint, before=known["fingerprint_sha256"])
        self._link.reload()
        return True

    def _look_for_updates(self, client):
        if time.monotonic() < self._updates_at:
            return
        self._updates_at = time.monotonic() + UPDATES_SECONDS
        try:
            offered = client.json("GET", SELF + "updates").get("version")
        except Problem as problem:
            if problem.code in _CONNECTION:
                raise
            return  # there is nothing to offer, or it is no matter of this connection
        before = (self._contact.available_update or {}).get("version")
        if not isinstance(offered, str) or not 0 < len(offered) <= 64 or offered == version():
            self._contact.available_update = None
        elif offered != before:
            self._contact.available_update = {"version": offered, "seen_at": storage.iso()}
            self._log.info("update-available", version=offered)

    # How it is told.

    def _answered(self, client):
        """The orchestrator is there: whatever was wrong with it is over."""
        told = self._contact
        if told.state != contact.CONNECTED:
            self._log.info("connected", orchestrator=client.endpoint.url, attempts=told.attempts)
        told.state, told.problem, told.attempts = contact.CONNECTED, None, 0
        told.last_contact, told.clock_skew_seconds = storage.iso(), client.skew
        self._backoff.reset()
        self._reason = None
        self._well()
        self._tell_reasons()
        self._save()

    def _pause_after(self, problem):
        told = self._contact
        told.attempts += 1
        told.problem = problem.message
        lasting = problem.code in _LASTING
        told.state = contact.REFUSED if lasting else contact.AWAY
        if lasting:
            seconds = jittered(LONGEST)
            self._reason = problem.message + ("; " + problem.hint if problem.hint else "")
        else:
            seconds = self._backoff.next()
            # That a tunnel has gone is in the nature of tunnels.
            if self._values["orchestrator_url"] and told.attempts >= self._values["max_reconnect_attempts"]:
                seconds = self._backoff.slow()
                since = told.last_contact or self._since
                self._reason = "the orchestrator has not answered since %s: %s" % (since, problem.message)
        seconds = max(seconds, problem.more.get("retry_after") or 0)
        self._log.warning(
            "orchestrator-" + told.state,
            problem=problem.message,
            hint=problem.hint,
            attempts=told.attempts,
            retry_in_seconds=round(seconds, 1),
        )
        self._tell_reasons()
        self._save()
        self._link.pause(seconds)

    def _tell_reasons(self):
        reasons = [self._reason, self._desired.reason, self._renewal_problem]
        skew = self._contact.clock_skew_seconds
        if skew is not None and abs(skew) >= SKEW_REASON_SECONDS:
            reasons.append(tls_problem.skew_sentence(skew))
        self._link.tell(*[reason for reason in reasons if reason])

    def _save(self):
        try:
            self._contact.save()
        except OSError as problem:
            self._log.error("status-not-written", problem=str(problem))


_ENROL = "enrol again with a new token"
