"""Messages of operators."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from stella_ops.agents.operators import Role
from stella_ops.agents.platforms import AgentCapability, Platform
from stella_ops.orchestrator.messages.form import Answer, Asked, Json, Line, Moment, Name

Duration = Annotated[
    str, Field(pattern=r"^([0-9]{1,9}(ms|[wdhms])){1,6}$", max_length=40, description="like 30s, 15m, 2h or 7d")
]
Label = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=255)]


class TokenRequest(Asked):
    """A token for an agent, and what the agent is to be. What is left out is as in the project's settings."""

    agent_name: Name
    environment: Name | None = None
    platform: Platform = Platform.LINUX
    capabilities: Annotated[list[AgentCapability], Field(max_length=10)] | None = None
    labels: Annotated[dict[Label, Label], Field(max_length=64, default_factory=dict)]
    cluster_id: Name | None = None
    ttl: Duration | None = None
    uses: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class TokenAnswer(Answer):
    """A token just minted: ``token`` is shown this once."""

    id: str
    token: str
    token_expires: Moment
    agent_id: str
    agent_name: str
    environment: str


class BootstrapAnswer(TokenAnswer):
    """Everything that a host needs to become an agent. The script and the first command hold the token."""

    platform: Platform
    configuration: Json
    install_script: str
    install_command: str
    install_command_stdin: str


class TokenInfo(Answer):
    """A token without its secret; ``status`` is valid, used, expired or revoked."""

    id: str
    agent_name: str
    environment: str
    status: str
    created_at: Moment
    created_by: str
    expires_at: Moment
    uses: int
    max_uses: int
    revoked_at: Moment | None
    platform: str | None
    capabilities: list[str]
    labels: dict[str, str]
    cluster_id: str | None
    keys: list[str]


class TokenList(Answer):
    tokens: list[TokenInfo]


class TokensQuery(Asked):
    """``all``: those too that may be used no more."""

    all: bool = False


class AgentInfo(Answer):
    """An agent as last seen; ``last_visit_age`` is in seconds."""

    id: str
    name: str
    environment: str
    host: str
    ansible_host: str | None
    labels: dict[str, str]
    version: str | None
    status: str
    last_heartbeat: Moment | None
    last_visit: Moment | None
    last_visit_age: float | None
    enrolled_at: Moment | None
    certificate_expires_at: Moment | None
    certificate_fingerprint: str | None
    config_revision: int | None
    config_sha256: str | None
    decommissioned_at: Moment | None


class AgentList(Answer):
    agents: list[AgentInfo]


class AgentsQuery(Asked):
    environment: Name | None = None


class LimitQuery(Asked):
    """``limit``: the newest so many."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class HeartbeatInfo(Answer):
    """A heartbeat; ``time`` is by the host's clock."""

    seq: int
    time: Moment
    received_at: Moment
    version: str | None
    status: str
    data: Json


class HeartbeatList(Answer):
    heartbeats: list[HeartbeatInfo]


class ConfigRequest(Asked):
    """Any part of the configuration; identity excepted. It takes the place of what was said before."""

    config: Json


class ConfigInfo(Answer):
    """A configuration that the agent is to have; ``applied``: that it has said to have it."""

    revision: int
    sha256: str
    config: Json
    applied: bool


class CertificateInfo(Answer):
    serial: str
    subject: str
    fingerprint_sha256: str
    public_key_sha256: str
    not_before: Moment
    not_after: Moment
    issued_at: Moment
    token_id: str | None
    revoked_at: Moment | None
    revocation_reason: str | None


class CertificateList(Answer):
    certificates: list[CertificateInfo]


class TaskRequest(Asked):
    """A request for the agent's rpc: version, status, heartbeats or logs."""

    method: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,63}$")]
    params: Annotated[Json, Field(default_factory=dict)]


class TaskInfo(Answer):
    """``response`` is what the agent's rpc answered, null while there is no answer."""

    id: str
    method: str
    params: Json
    created_at: Moment
    created_by: str
    fetched_at: Moment | None
    finished_at: Moment | None
    response: Json | None


class TaskList(Answer):
    tasks: list[TaskInfo]


class LogInfo(Answer):
    """An entry of an agent's log; ``time`` is by the host's clock."""

    seq: int
    time: Moment
    received_at: Moment
    level: str
    event: str
    data: Json


class LogList(Answer):
    logs: list[LogInfo]


class RunInfo(Answer):
    id: str
    kind: str
    title: str
    check_mode: bool
    hosts_total: int
    started_at: Moment
    finished_at: Moment | None
    exit_code: int | None
    interrupted: bool | None
    hosts: Any


class RunList(Answer):
    runs: list[RunInfo]


class DoctorInfo(Answer):
    """The last report of a host (``stella.doctor/v1``)."""

    host: str
    agent_id: str | None
    time: Moment
    overall_status: str
    report: Json


class DoctorList(Answer):
    reports: list[DoctorInfo]


class AuditQuery(LimitQuery):
    act: Annotated[str, Field(pattern=r"^[a-z][a-z.-]{0,63}$")] | None = None
    subject: Line | None = None


class AuditInfo(Answer):
    time: Moment
    actor: str
    act: str
    subject: str
    outcome: str
    detail: Json


class AuditList(Answer):
    entries: list[AuditInfo]


class OperatorRequest(Asked):
    """A new operator: with ``csr`` (PKCS #10 for this name) by a certificate, else by an API key."""

    name: Name
    role: Role
    ttl: Duration | None = None
    csr: Annotated[str, Field(max_length=32_768)] | None = None


class OperatorInfo(Answer):
    id: str
    name: str
    role: Role
    kind: str
    created_at: Moment
    created_by: str
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None


class OperatorAnswer(OperatorInfo):
    """An operator just added: its ``key``, shown this once, or its certificate's ``chain`` and the ``ca``."""

    key: str | None = None
    chain: str | None = None
    ca: str | None = None


class OperatorList(Answer):
    operators: list[OperatorInfo]
