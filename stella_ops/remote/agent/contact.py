"""What the agent knows of its orchestrator: kept in state/orchestrator.json, told by ``status``.

Beside how the connection is, it holds what the orchestrator has acknowledged. When it is lost, some heartbeats
are sent twice, which is harmless.
"""

from stella_ops.remote.agent import storage

OFF, CONNECTING, CONNECTED, AWAY, REFUSED, STOPPED = "off", "connecting", "connected", "away", "refused", "stopped"

_TOLD = ("url", "state", "last_contact", "attempts", "problem", "clock_skew_seconds", "available_update")


class Contact(object):
    """The file's content while the agent runs; one thread writes it.

    Attributes:
        agent_id: whose acknowledgements these are.
        heartbeats, logs: the highest ``seq`` that the orchestrator has of each.
        url: of the endpoint in use. ``state``: one of this module's words.
        last_contact: ISO time of the last answer, or None. ``attempts``: failures since then.
        problem: why it is not connected, a sentence. ``clock_skew_seconds``: this host's clock ahead.
        available_update: ``{"version", "seen_at"}`` of a version that is not this one, or None.
    """

    def __init__(self, layout, agent_id):
        self._path = layout.orchestrator
        known = storage.read_json(self._path) or {}
        same = known.get("agent_id") == agent_id
        self.agent_id = agent_id
        self.heartbeats = _number(known.get("heartbeats")) if same else 0
        self.logs = _number(known.get("logs")) if same else 0
        self.url = None
        self.state = CONNECTING
        self.last_contact = known.get("last_contact") if same else None
        self.attempts = 0
        self.problem = None
        self.clock_skew_seconds = None
        self.available_update = known.get("available_update") if same else None
        self._saved = None

    def save(self):
        """Write the file, if there is something new; raises OSError."""
        document = {name: value for name, value in self.__dict__.items() if not name.startswith("_")}
        if document != self._saved:
            storage.write_json(self._path, document)
            self._saved = document


def as_told(layout, running):
    """The ``orchestrator`` member of an agent's status."""
    known = storage.read_json(layout.orchestrator) or {"state": OFF}
    told = {name: known.get(name) for name in _TOLD}
    told["attempts"] = _number(told["attempts"])
    if not running and told["state"] != OFF:
        told["state"] = STOPPED
    return told


def forget(layout):
    """There is no orchestrator any more; what it acknowledged is kept."""
    known = storage.read_json(layout.orchestrator)
    if known is not None and known.get("state") != OFF:
        known.update(state=OFF, url=None, problem=None, attempts=0)
        storage.write_json(layout.orchestrator, known)


def _number(value):
    return value if type(value) is int and value >= 0 else 0
