"""Zero-touch deployment: everything that a host needs to become an agent, from one request.

Source: the specification's BootstrapService. A request gives a token, the configuration that the agent will get, an
install script for its platform and the one line that runs it. Nothing is reached: the host calls the orchestrator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stella_ops.agents import installers
from stella_ops.agents.configuration import ConfigurationService
from stella_ops.agents.enrolment import EnrolmentService
from stella_ops.agents.exchange import configuration_changes
from stella_ops.agents.installers import InstallSource
from stella_ops.agents.names import check_name
from stella_ops.agents.platforms import AgentCapability, Platform
from stella_ops.agents.token_views import Binding
from stella_ops.agents.tokens import BootstrapToken, TokenService
from stella_ops.errors import EnrolmentError
from stella_ops.store import agents, audit
from stella_ops.store.columns import iso_z
from stella_ops.store.database import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapRequest:
    """What is wanted.

    Attributes:
        capabilities: None leaves them to the project's settings.
        cluster_id: an existing cluster to join.
        ttl, uses: of the token; the project's settings when None.
    """

    agent_name: str
    environment: str
    platform: Platform = Platform.LINUX
    capabilities: tuple[AgentCapability, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    cluster_id: str | None = None
    ttl: timedelta | None = None
    uses: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapResult:
    """What was made. ``token`` and what holds it (``install_script``, ``install_command``) are secrets.

    Attributes:
        configuration: what the agent will get, in the form of agent.json.
        install_script: for the request's platform, the token in it.
        install_command: the one line, the token in it; ``install_command_stdin`` reads it from standard input.
    """

    agent_id: str
    agent_name: str
    environment: str
    platform: Platform
    token_id: str
    token: str = field(repr=False)
    token_expires: datetime
    configuration: Mapping[str, Any]
    install_script: str = field(repr=False)
    install_command: str = field(repr=False)
    install_command_stdin: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; the moment as ISO 8601 text in UTC with ``Z``."""
        return {
            "agent_id": self.agent_id,
            "token": self.token,
            "token_expires": iso_z(self.token_expires),
            "configuration": dict(self.configuration),
            "install_script": self.install_script,
            "install_command": self.install_command,
            "install_command_stdin": self.install_command_stdin,
        }


class BootstrapService:
    """Makes bootstraps.

    Args:
        source: gives what install scripts must know of the fleet; may raise any ``StellaError``.
        keep_secret: told of every token before it is anywhere else.
    """

    def __init__(
        self,
        store: Store,
        tokens: TokenService,
        enrolment: EnrolmentService,
        configurations: ConfigurationService,
        *,
        clock: Callable[[], datetime],
        source: Callable[[], InstallSource],
        keep_secret: Callable[[object], object] = lambda secret: None,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._enrolment = enrolment
        self._configurations = configurations
        self._clock = clock
        self._source = source
        self._keep_secret = keep_secret

    def bootstrap(self, request: BootstrapRequest, *, actor: str) -> BootstrapResult:
        """Mint a token for an agent and write down how to install it.

        A name that is known keeps its identity: its agent gets another certificate when the token is used.

        Raises:
            EnrolmentError: (bad_name, bad_environment, bad_ttl, bad_uses, bad_label, bad_cluster) the request is wrong.
        """
        source = self._source()
        binding = Binding(
            platform=request.platform.value,
            capabilities=None if request.capabilities is None else tuple(c.value for c in request.capabilities),
            labels=_labels(request.labels) if request.labels else None,
            cluster_id=request.cluster_id,
        )
        changes = configuration_changes(binding, source.orchestrator_url)
        if request.cluster_id is not None:
            check_name(request.cluster_id, "cluster")
        with self._store.transaction() as connection:
            known = agents.find(connection, request.agent_name, request.environment)
            agent = self._enrolment.expect(
                connection,
                request.agent_name,
                request.environment,
                known.host if known is not None else request.agent_name,
                labels=binding.labels,
            )
            token = self._tokens.mint_in(
                connection,
                agent.name,
                agent.environment,
                created_by=actor,
                ttl=request.ttl,
                uses=request.uses,
                binding=binding,
                pin=source.ca_pin,
            )
            self._hide(token)
            desired = self._configurations.amended(connection, agent, changes, actor=actor, record=False)
            audit.record(connection, self._entry(agent, token, request, actor))
            # Within the transaction: what cannot be written down has not been minted.
            return BootstrapResult(
                agent_id=agent.id,
                agent_name=agent.name,
                environment=agent.environment,
                platform=request.platform,
                token_id=token.id,
                token=token.value,
                token_expires=token.expires_at,
                configuration=desired.config,
                install_script=installers.install_script(
                    request.platform, source, token=token.value, name=agent.name, environment=agent.environment
                ),
                install_command=installers.install_command(request.platform, source, token.value),
                install_command_stdin=installers.install_command_from_stdin(request.platform, source),
            )

    def _hide(self, token: BootstrapToken) -> None:
        self._keep_secret(token.value)
        self._keep_secret(token.value.split(".")[1])

    def _entry(
        self, agent: agents.Agent, token: BootstrapToken, request: BootstrapRequest, actor: str
    ) -> audit.AuditEntry:
        detail = {
            "environment": agent.environment,
            "agent_id": agent.id,
            "token_id": token.id,
            "platform": request.platform.value,
        }
        return audit.AuditEntry(
            time=self._clock(), actor=actor, act="bootstrap.request", subject=agent.name, detail=detail
        )


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    for key, value in labels.items():
        if not key or not key.isprintable() or not value.isprintable() or len(key) > 63 or len(value) > 255:
            raise EnrolmentError(
                f"'{key[:63]}' cannot be a label",
                reason="bad_label",
                hint="a label is KEY=VALUE: at most 63 and 255 printable characters",
            )
    return dict(labels)
