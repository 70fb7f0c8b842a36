"""Where an agent's files are on a host: one place that the agent, the modules and the doctor checks share.

Two layouts exist. The system layout is a root install, spread over /opt, /etc, /var and /run as the
Filesystem Hierarchy Standard has it. The prefix layout keeps everything below one folder, for installs
without root and for tests.
"""

import os

SERVICE_NAME = "stella-agent.service"
SERVICE_USER = "stella-agent"
PACKAGE_NAME = "stella-agent.pyz"
MARKER_NAME = ".stella-agent"


class Layout(object):
    """The paths of one agent install; every attribute is an absolute path as ``str``.

    ``prefix`` is None in the system layout, else the folder that everything is below.
    ``marker`` is a file that says "this folder is an agent's": what has none is never removed.
    """

    def __init__(self, home, etc, var, run, log, prefix=None):
        self.prefix = prefix
        self.home = home
        self.etc = etc
        self.var = var
        self.run = run
        self.log = log
        self.marker = os.path.join(home, MARKER_NAME)
        self.versions = os.path.join(home, "versions")
        self.current = os.path.join(home, "current")
        self.package = os.path.join(self.current, PACKAGE_NAME)
        self.config = os.path.join(etc, "agent.json")
        self.previous_config = os.path.join(etc, "agent.json.previous")
        self.identity = os.path.join(var, "identity")
        self.key = os.path.join(self.identity, "agent.key")
        # While an agent changes its key: the key it had, and the folder of the one it is to have.
        self.previous_key = os.path.join(self.identity, "agent.key.previous")
        self.coming = os.path.join(self.identity, "coming")
        self.public_key = os.path.join(self.identity, "agent.pub")
        self.certificate = os.path.join(self.identity, "agent.crt")
        self.ca = os.path.join(self.identity, "ca.crt")
        self.state = os.path.join(var, "state")
        self.status = os.path.join(self.state, "status.json")
        self.revision = os.path.join(self.state, "config.json")
        self.orchestrator = os.path.join(self.state, "orchestrator.json")
        self.heartbeat = os.path.join(self.state, "heartbeat.json")
        self.queue = os.path.join(var, "queue")
        self.spool = os.path.join(var, "spool")
        self.heartbeats = os.path.join(self.spool, "heartbeats.jsonl")
        self.logs = os.path.join(self.spool, "logs.jsonl")
        self.pidfile = os.path.join(run, "agent.pid")
        self.supervisor_pidfile = os.path.join(run, "supervisor.pid")
        self.tunnel = os.path.join(run, "tunnel")
        self.tunnel_socket = os.path.join(self.tunnel, "orchestrator.sock")
        self.logfile = os.path.join(log, "agent.log")

    @classmethod
    def system(cls):
        """A root install."""
        return cls(
            "/opt/stella-agent",
            "/etc/stella-agent",
            "/var/lib/stella-agent",
            "/run/stella-agent",
            "/var/log/stella-agent",
        )

    @classmethod
    def at(cls, prefix):
        """Everything below ``prefix``; ``~`` is expanded."""
        home = os.path.abspath(os.path.expanduser(prefix))
        below = [os.path.join(home, name) for name in ("etc", "var", "run", "log")]
        return cls(home, below[0], below[1], below[2], below[3], prefix=home)

    @classmethod
    def find(cls, prefix=None):
        """The layout meant by ``prefix``; without one, the system's when installed there or when root."""
        if prefix:
            return cls.at(prefix)
        system = cls.system()
        if os.geteuid() == 0 or system.exists():
            return system
        return cls.at("~/.stella-agent")

    @property
    def is_system(self):
        return self.prefix is None

    def exists(self):
        """Whether an agent package is installed here."""
        return os.path.lexists(self.current)

    def directories(self):
        """(path, mode, owned by the agent's user) of every folder, parents first.

        Code folders belong to whoever installs: a root install's agent must not be able to
        alter its own code. ``etc`` is the agent's since ``apply-config`` runs as its user.
        """
        return [
            (self.home, 0o755, False),
            (self.versions, 0o755, False),
            (self.etc, 0o755, True),
            (self.var, 0o755, True),
            (self.identity, 0o755, True),
            (self.state, 0o755, True),
            (self.queue, 0o750, True),
            (self.spool, 0o750, True),
            (self.run, 0o755, True),
            (self.log, 0o755, True),
        ]
