"""What an agent that calls in has to say: heartbeats, answers to tasks, log lines; all that is not acknowledged yet."""

from stella_ops.remote.agent import outbox, spool
from stella_ops.remote.agent.problem import Problem

SELF = "/v1/agents/self/"
MAX_LOGS = 200
MAX_RESULTS = 20


class Reports(object):
    """Sends what is kept in the spools, and the results in ``results``, a list.

    ``save()`` is called when heartbeats were acknowledged.
    """

    def __init__(self, layout, log, save):
        self.results = []
        self._layout = layout
        self._log = log
        self._save = save

    def send(self, client, known, hints):
        """Send everything.

        Args:
            known: the ``contact.Contact`` that holds what was acknowledged, and is kept up to date.
            hints: what the orchestrator last said of configuration and tasks.

        Returns:
            its newest answer to heartbeats, or ``hints``.

        Raises:
            Problem: what was not acknowledged is kept.
        """
        answers = [hints]
        beats = spool.entries(self._layout.heartbeats, known.heartbeats)
        if beats and known.heartbeats and beats[0]["seq"] > known.heartbeats + 1:
            self._log.error("heartbeats-lost", first=known.heartbeats + 1, last=beats[0]["seq"] - 1)

        def acknowledge(beat):
            known.heartbeats = beat["seq"]
            self._save()

        outbox.deliver(
            [beat for beat in beats if beat.get("agent_id") == known.agent_id],
            lambda batch: answers.append(client.json("POST", SELF + "heartbeat", {"heartbeats": batch})),
            acknowledge,
            lambda beat, problem: self._log.error("heartbeat-refused", seq=beat["seq"], problem=problem.message),
        )
        if beats:
            known.heartbeats = beats[-1]["seq"]  # the last may be from before the enrolment
        self.send_results(client)
        self._send_logs(client, known)
        return answers[-1]

    def send_results(self, client):
        """Send the results alone; raises Problem, and keeps them then."""
        outbox.deliver(
            list(self.results),
            lambda batch: client.json("POST", SELF + "results", {"results": batch}),
            self._forget,
            lambda result, problem: self._log.error("result-refused", task=result["id"], problem=problem.message),
            MAX_RESULTS,
        )

    def _forget(self, last):
        del self.results[: self.results.index(last) + 1]

    def _send_logs(self, client, known):
        def acknowledge(entry):
            known.logs = entry["seq"]

        try:
            outbox.deliver(
                spool.entries(self._layout.logs, known.logs, 2 * outbox.MAX_ENTRIES),
                lambda batch: client.json("POST", SELF + "logs", {"entries": batch}),
                acknowledge,
                lambda entry, problem: None,  # to log it would only make the next one
                MAX_LOGS,
            )
        except Problem as problem:
            # Log lines are no reason to break off; those that are not taken go with time.
            if problem.code not in ("not-there", "not-accepted"):
                raise
