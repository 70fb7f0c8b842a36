"""Takes over the configuration that the orchestrator wants the agent to have, and tells what became of it."""

from stella_ops.remote.agent import configuration, storage
from stella_ops.remote.agent.problem import Problem
from stella_ops.remote.lib import agent_config

PATH = "/v1/agents/self/config"


class Desired(object):
    """Remembers what was refused, so that it is not asked for again and again.

    ``reason``: why the newest configuration is not in force, a sentence, or None.
    """

    def __init__(self, layout, log, agent_id):
        self.reason = None
        self._layout = layout
        self._log = log
        self._agent_id = agent_id
        self._refused = None
        self._report: "dict[str, object] | None" = None
        self._told: "dict[str, object] | None" = None

    def follow(self, client, sha256):
        """Bring the configuration with this digest into force; whether agent.json has changed.

        Raises:
            Problem: the orchestrator could not be asked, or told.
        """
        self._send_report(client)
        present = configuration.load(self._layout).sha256
        if not isinstance(sha256, str) or sha256 in (present, self._refused):
            if sha256 == present:
                self.reason = None
            return False
        headers = {"If-None-Match": '"%s"' % present} if present else None
        answer = client.json("GET", PATH, headers=headers)
        if answer is None:
            return False
        changed = self._apply(answer)
        self._send_report(client)
        return changed

    def _apply(self, answer):
        config, revision, sha256 = (answer.get(name) for name in ("config", "revision", "sha256"))
        changed, lasting = False, True
        try:
            problems = self._problems(config, sha256)
            if problems:
                raise Problem("invalid-config", "; ".join(problems), problems=problems)
            changed = configuration.apply(self._layout, config, revision)["changed"]
        except Problem as problem:
            problems = problem.more.get("problems") or [problem.message]
        except OSError as problem:
            problems = ["agent.json cannot be written: %s" % problem.strerror]
            lasting = False  # the disk may be better the next time
        self._refused = sha256 if problems and lasting else None
        status = "refused" if problems else "applied"
        self.reason = "the configuration from the orchestrator is refused: " + "; ".join(problems) if problems else None
        self._report = {"revision": revision, "sha256": sha256, "status": status, "problems": problems}
        write = self._log.error if problems else self._log.info
        write("configuration-" + status, revision=revision, config_sha256=sha256, problems=problems)
        return changed

    def _problems(self, config, sha256):
        problems = agent_config.problems_of(config)
        if not problems and config["agent_id"] != self._agent_id:
            problems = ["agent_id: is another agent's"]
        if not problems and storage.sha256(agent_config.canonical(config)) != sha256:
            problems = ["config: its SHA-256 is not the one that was told"]
        return problems

    def _send_report(self, client):
        if self._report is None:
            return
        if self._report != self._told:
            try:
                client.json("POST", PATH, self._report)
            except Problem as problem:
                if problem.code not in ("not-accepted", "not-there"):
                    raise
                self._log.warning("report-refused", problem=problem.message)
        self._told, self._report = self._report, None
