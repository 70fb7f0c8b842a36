"""What an agent is to be configured as: the specification's AgentConfiguration and its JSON form.

The form is that of ``agent.json`` on the host: flat, snake_case, durations as text (``30s``). Durations are
normalised (``60s`` and ``1m`` are one), so that a difference in spelling is no difference in configuration.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import Connection

from stella_ops.durations import format_duration, parse_duration
from stella_ops.errors import ParseError
from stella_ops.origins import Origin, key_origin, origin_of
from stella_ops.settings import AgentSettings
from stella_ops.spelling import nearest
from stella_ops.store import agents, audit, configurations
from stella_ops.store.database import Store

VARIABLE = "stella_agent_config"
_IDENTITY = ("agent_id", "agent_name", "environment")


def _duration(least: timedelta) -> AfterValidator:
    def normalise(text: str) -> str:
        duration = parse_duration(text)
        if duration < least:
            raise ValueError(f"must be at least {format_duration(least)}")
        return format_duration(duration)

    return AfterValidator(normalise)


_ORCHESTRATOR = re.compile(
    r"https://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(?:/[A-Za-z0-9._~/-]*)?", re.ASCII
)


def _orchestrator_url(text: str) -> str:
    """The agent's own rule (``remote/lib/agent_config.py``), in the same words."""
    if text.startswith("http://"):
        raise ValueError("must begin with https://: an agent talks to its orchestrator over TLS alone")
    found = _ORCHESTRATOR.fullmatch(text)
    if not found or not 0 < int(found[1] or 443) < 65536:
        raise ValueError("must be a URL like https://orchestrator.example.com:8443, without user, query or fragment")
    return text


Duration = Annotated[str, _duration(timedelta(seconds=1))]
Backoff = Annotated[str, _duration(timedelta(milliseconds=100))]
Percent = Annotated[int | float, Field(gt=0, le=100)]
Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+")]
OrchestratorUrl = Annotated[str, AfterValidator(_orchestrator_url)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Capability = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class ResourceLimits(_Section):
    """Shares of the host above which the agent takes no more tasks."""

    cpu_percent: Percent = 80
    memory_percent: Percent = 80
    disk_percent: Percent = 90


class CertificateConfig(_Section):
    """Where the certificate comes from; the paths belong to source "file" alone."""

    source: Literal["auto_provision", "file", "vault", "acme", "azure_key_vault", "aws_kms"] = "auto_provision"
    auto_renew: bool = True
    renewal_threshold: Duration = "7d"
    certificate_path: str | None = None
    private_key_path: str | None = None
    ca_certificate_path: str | None = None

    @model_validator(mode="after")
    def _paths_belong_to_files(self) -> CertificateConfig:
        paths = (self.certificate_path, self.private_key_path, self.ca_certificate_path)
        if self.source == "file" and not all(paths):
            raise ValueError("source 'file' needs certificate_path, private_key_path and ca_certificate_path")
        if self.source != "file" and any(paths):
            raise ValueError("certificate_path, private_key_path and ca_certificate_path need source 'file'")
        return self


class ClusterConfig(_Section):
    """The cluster that the agent is a member of."""

    id: Name
    mode: Literal["active_passive", "active_active", "sharded"] = "active_passive"
    min_members: int = Field(1, ge=1, le=1000)


class MetricsConfig(_Section):
    enabled: bool = False
    port: int = Field(9090, ge=1, le=65535)


class LoggingConfig(_Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


class TracingConfig(_Section):
    enabled: bool = False
    endpoint: Url | None = None


class ObservabilityConfig(_Section):
    metrics: MetricsConfig = MetricsConfig()
    logging: LoggingConfig = LoggingConfig()
    tracing: TracingConfig = TracingConfig()


class AutoUpdateConfig(_Section):
    enabled: bool = False
    channel: Literal["stable", "beta", "canary"] = "stable"
    maintenance_window: str | None = Field(None, min_length=1)
    drain_before_update: bool = True


class AgentConfiguration(_Section):
    """An agent's whole configuration, with the specification's defaults."""

    agent_id: Name
    agent_name: Name
    environment: Name
    labels: dict[str, str] = {}
    orchestrator_url: OrchestratorUrl | None = None
    heartbeat_interval: Duration = "30s"
    reconnect_backoff: Backoff = "5s"
    max_reconnect_attempts: int = Field(10, ge=0, le=1_000_000)
    capabilities: list[Capability] = ["health_check"]
    resource_limits: ResourceLimits = ResourceLimits()
    max_concurrent_tasks: int = Field(5, ge=1, le=1000)
    default_task_timeout: Duration = "30m"
    certificates: CertificateConfig = CertificateConfig()
    cluster: ClusterConfig | None = None
    observability: ObservabilityConfig = ObservabilityConfig()
    auto_update: AutoUpdateConfig | None = None

    def to_json(self) -> dict[str, Any]:
        """The form of agent.json: plain JSON data with every key; of the certificates' paths those set."""
        data = json.loads(self.model_dump_json())
        certificates = data["certificates"]
        data["certificates"] = {k: v for k, v in certificates.items() if v is not None}
        assert isinstance(data, dict)
        return data


def canonical_json(config: Mapping[str, Any]) -> bytes:
    """The bytes of agent.json on the host: sorted keys, no spaces, ASCII, a newline at the end."""
    return (json.dumps(config, sort_keys=True, separators=(",", ":")) + "\n").encode("ascii")


def configuration_sha256(config: Mapping[str, Any]) -> str:
    """The SHA-256 of a configuration's canonical JSON: what the agent reports as ``config_sha256``."""
    return hashlib.sha256(canonical_json(config)).hexdigest()


def read_configuration(data: Any, *, name: str = VARIABLE) -> AgentConfiguration:
    """Check configuration data that may come from YAML.

    Args:
        name: what errors call the whole of it.

    Raises:
        ParseError: with the place in the source of what is wrong, where the data has one.
    """
    if not isinstance(data, Mapping):
        raise ParseError(f"{name} must be a mapping", where=origin_of(data))
    try:
        return AgentConfiguration.model_validate(dict(data))
    except ValidationError as problem:
        raise _explain(problem, data, name) from None


def desired_configuration(
    agent: agents.Agent, variables: Mapping[str, Any] | None, *, settings: AgentSettings | None = None
) -> tuple[dict[str, Any], str]:
    """What an agent is to be configured as, and the digest of it.

    Args:
        agent: gives identity, and labels unless ``variables`` do.
        variables: the value of the inventory variable ``stella_agent_config``, rendered; any part of the
            configuration, identity excepted.
        settings: the project's ``[agent]``, which stands between the variables and the defaults.

    Raises:
        ParseError: the variables are wrong.
    """
    if variables is not None and not isinstance(variables, Mapping):
        raise ParseError(f"{VARIABLE} must be a mapping", where=origin_of(variables))
    identity = {"agent_id": agent.id, "agent_name": agent.name, "environment": agent.environment}
    for key, value in identity.items():
        if variables and key in variables and variables[key] != value:
            raise ParseError(
                f"{VARIABLE}.{key} cannot be set: the agent's is '{value}'",
                where=key_origin(variables, key),
                hint="remove it; name and environment come from the play",
            )
    project = settings or AgentSettings()
    base = {
        **identity,
        "labels": dict(agent.labels),
        "heartbeat_interval": format_duration(project.heartbeat_interval),
        "capabilities": list(project.capabilities),
    }
    try:
        made = AgentConfiguration.model_validate({**base, **(variables or {})})
    except ValidationError as problem:
        raise _explain(problem, variables or {}, VARIABLE) from None
    config = made.to_json()
    return config, configuration_sha256(config)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredConfiguration:
    """A configuration to apply, with its revision in the fleet store; ``new`` when made just now."""

    config: Mapping[str, Any]
    sha256: str
    revision: int
    new: bool


class ConfigurationService:
    """Keeps the revisions of agents' configurations."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime], settings: AgentSettings | None = None) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings

    def desire(
        self, agent_id: str, variables: Mapping[str, Any] | None, *, actor: str, record: bool = True
    ) -> DesiredConfiguration:
        """The configuration that an agent is to have; its content, when new, is recorded as a new revision.

        Args:
            record: False (check mode) only foretells: a new content gets the number it would have.

        Raises:
            ParseError: the variables are wrong, or no agent has this id.
        """
        with self._store.transaction() if record else self._store.reading() as connection:
            agent = agents.get(connection, agent_id)
            if agent is None:
                raise ParseError(f"no agent has the id {agent_id}", hint="enrol it first")
            return self.desire_in(connection, agent, variables, actor=actor, record=record)

    def desire_in(
        self,
        connection: Connection,
        agent: agents.Agent,
        variables: Mapping[str, Any] | None,
        *,
        actor: str,
        record: bool = True,
    ) -> DesiredConfiguration:
        """``desire`` within the caller's transaction."""
        config, sha256 = desired_configuration(agent, variables, settings=self._settings)
        newest = configurations.latest(connection, agent.id)
        before = newest.revision if newest else 0
        if newest is not None and newest.sha256 == sha256:
            revision = before
        elif record:
            made = configurations.record(connection, agent.id, config, sha256, at=self._clock(), by=actor)
            revision = made.revision
            self._audit(connection, "config.revise", agent, revision, sha256, actor)
        else:
            revision = before + 1
        return DesiredConfiguration(config=config, sha256=sha256, revision=revision, new=revision != before)

    def amended(
        self, connection: Connection, agent: agents.Agent, changes: Mapping[str, Any], *, actor: str, record: bool
    ) -> DesiredConfiguration:
        """The newest configuration with some keys changed, where the caller knows no more than those.

        Args:
            changes: keys of the configuration's first level; a mapping replaces what is there.
            record: as for ``desire``.
        """
        newest = configurations.latest(connection, agent.id)
        kept = {k: v for k, v in newest.config.items() if k not in _IDENTITY} if newest is not None else {}
        return self.desire_in(connection, agent, {**kept, **changes}, actor=actor, record=record)

    def latest(self, agent_id: str) -> configurations.ConfigRevision | None:
        """The newest configuration that an agent is to have; None where there is none yet."""
        with self._store.reading() as connection:
            return configurations.latest(connection, agent_id)

    def applied(self, agent_id: str, desired: DesiredConfiguration, *, actor: str) -> None:
        """Tell the audit trail that a configuration was pushed to its agent, which has taken it."""
        with self._store.transaction() as connection:
            agent = agents.get(connection, agent_id)
            if agent is not None:
                self._audit(connection, "config.push", agent, desired.revision, desired.sha256, actor)

    def _audit(
        self, connection: Connection, act: str, agent: agents.Agent, revision: int, sha256: str, actor: str
    ) -> None:
        detail = {"environment": agent.environment, "agent_id": agent.id, "revision": revision, "sha256": sha256}
        audit.record(
            connection,
            audit.AuditEntry(time=self._clock(), actor=actor, act=act, subject=agent.name, detail=detail),
        )


def _explain(problem: ValidationError, data: Mapping[str, Any], name: str) -> ParseError:
    first = problem.errors(include_url=False)[0]
    path = [part for part in first["loc"] if isinstance(part, int) or part not in ("int", "float")]
    where: Origin | None = origin_of(data)
    at: Any = data
    for part in path:
        if isinstance(at, Mapping):
            where = key_origin(at, part, where) or where
            at = at.get(part)
        elif isinstance(at, list) and isinstance(part, int) and part < len(at):
            at = at[part]
            where = origin_of(at, where)
    field = ".".join([name, *map(str, path)])
    if first["type"] == "extra_forbidden":
        known = _known_keys(path[:-1])
        close = nearest(str(path[-1]), known)
        hint = f"did you mean '{close}'?" if close else "known: " + ", ".join(known)
        return ParseError(f"unknown key {field}", where=where, hint=hint)
    said = str(first["ctx"]["error"]) if first["type"] == "value_error" else first["msg"]
    return ParseError(f"{field}: {said}", where=where)


def _known_keys(path: list[int | str]) -> list[str]:
    model: type[BaseModel] = AgentConfiguration
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        options = getattr(annotation, "__args__", (annotation,))
        model = next(o for o in options if isinstance(o, type) and issubclass(o, BaseModel))
    return list(model.model_fields)
