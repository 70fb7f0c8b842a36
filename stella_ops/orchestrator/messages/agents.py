"""Messages of agents that show their certificate."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from stella_ops.orchestrator.messages.form import Answer, Json, Moment, Sent, Sha256
from stella_ops.orchestrator.messages.strangers import ProofOfPossession

Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z.+_-]{1,64}$")]


class RegisterRequest(Sent):
    """An agent has started, or has a new certificate. ``status`` is its rpc's answer to ``status``."""

    version: Version
    protocol: Annotated[int, Field(ge=0, le=1_000_000)]
    python: Version
    status: Json | None = None


class RegisterAnswer(Answer):
    """``heartbeat_interval`` is in seconds."""

    agent_id: str
    name: str
    environment: str
    heartbeat_interval: float
    config_revision: int
    config_sha256: Sha256
    server_time: Moment


class HeartbeatRequest(Sent):
    """Heartbeats as they stand in the agent's spool; those that are none are passed over."""

    heartbeats: Annotated[list[Any], Field(max_length=1000)]


class HeartbeatAnswer(Answer):
    """``last_seq``: the newest heartbeat known; ``tasks``: how many wait to be fetched."""

    last_seq: int
    config_revision: int
    config_sha256: Sha256
    tasks: int
    server_time: Moment


class ConfigAnswer(Answer):
    """The configuration that the agent is to have; the digest is of its canonical JSON."""

    revision: int
    sha256: Sha256
    config: Json


class ConfigOutcome(Sent):
    """What became of a configuration on the host. ``problems`` are sentences."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)]
    sha256: Sha256
    status: Literal["applied", "refused"]
    problems: Annotated[list[Any], Field(max_length=1000, default_factory=list)]


class CertificateRequest(ProofOfPossession):
    """A new certificate, for the key that this proves to be held."""


class CertificateAnswer(Answer):
    """The certificate's chain (leaf first, without root) and the root."""

    chain: str
    ca: str


class TasksQuery(Sent):
    """``wait``: seconds to wait for a task when there is none."""

    wait: Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)] = 0


class TaskOrder(Answer):
    """A request for the agent's rpc."""

    id: str
    method: str
    params: Json


class TasksAnswer(Answer):
    tasks: list[TaskOrder]


class TaskResult(Sent):
    """What the agent's rpc answered: ``{"ok": true, "result": …}`` or ``{"ok": false, "error": …}``."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]
    response: Json


class ResultsRequest(Sent):
    results: Annotated[list[TaskResult], Field(max_length=100)]


class ResultsAnswer(Answer):
    """How many of the results were waited for."""

    accepted: int


class LogsRequest(Sent):
    """Entries of the agent's log: ``seq``, ``time``, ``level``, ``event`` and more. What is none is passed over."""

    entries: Annotated[list[Any], Field(max_length=1000)]


class LogsAnswer(Answer):
    """``accepted``: how many were new; ``last_seq``: the highest number that was understood, 0 for none."""

    accepted: int
    last_seq: int


class UpdatesAnswer(Answer):
    """The agent package that the fleet is to have. ``signature`` is base64 of the DER, ``sshsig`` is armoured.

    ``current``: the version that the agent said it has.
    """

    version: str
    sha256: Sha256
    size: int
    url: str
    signature: str
    sshsig: str
    current: str | None
