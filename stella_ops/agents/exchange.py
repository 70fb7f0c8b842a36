"""The pull carrier's enrolment: a host that holds a token alone gets identity, certificate and configuration.

    identify   who the token's agent is to be; nothing is used up      → the host makes its key and proof for that
    exchange   token and proof against a certificate and the configuration, all in one transaction

Whoever has taken part in the second with the same key gets the same answer again, until the token expires: an answer
that was lost on the wire, or a host that was cut off before it had written it down, is no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from stella_ops.agents.configuration import ConfigurationService, DesiredConfiguration
from stella_ops.agents.enrolment import Enrolment, EnrolmentService
from stella_ops.agents.token_views import Binding
from stella_ops.agents.tokens import Refusal, TokenService
from stella_ops.errors import EnrolmentError
from stella_ops.store import agents, configurations
from stella_ops.store.database import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentIdentity:
    """Who an agent is: what its certificate and its proof of possession name."""

    agent_id: str
    name: str
    environment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What a token was exchanged for."""

    enrolment: Enrolment
    name: str
    environment: str
    config: Mapping[str, Any]
    config_revision: int
    config_sha256: str


class ExchangeService:
    """Exchanges tokens that come from afar.

    Args:
        orchestrator_url: gives the address that the agents are to call, for their configuration.
    """

    def __init__(
        self,
        store: Store,
        tokens: TokenService,
        enrolment: EnrolmentService,
        configurations: ConfigurationService,
        *,
        orchestrator_url: Callable[[], str],
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._enrolment = enrolment
        self._configurations = configurations
        self._url = orchestrator_url

    def identify(self, token: str, *, actor: str) -> AgentIdentity:
        """Whom a token is for.

        Raises:
            EnrolmentError: it is not good (malformed, unknown, revoked, expired), or its agent is gone.
        """
        return self._identify(token, None, None, actor)

    def _identify(self, token: str, name: str | None, environment: str | None, actor: str) -> AgentIdentity:
        with self._store.transaction() as connection:
            found = self._tokens.look(connection, token, name=name, environment=environment, actor=actor)
            agent = None
            if not isinstance(found, Refusal):
                agent = agents.find(connection, found.agent_name, found.environment)
        if isinstance(found, Refusal):
            raise found.error(where="token")
        if agent is None:
            raise EnrolmentError(f"no agent '{found.agent_name}' is expected", reason="unknown_agent")
        return AgentIdentity(agent_id=agent.id, name=agent.name, environment=agent.environment)

    def exchange(
        self,
        token: str,
        proof: Mapping[str, Any],
        *,
        name: str | None = None,
        environment: str | None = None,
        actor: str,
    ) -> Exchange:
        """Enrol the agent that a token is for.

        Args:
            proof: as for ``EnrolmentService.complete``, without the token.
            name, environment: what the host believes to be, where it says so; it must be what the token says.

        Raises:
            EnrolmentError, PkiError: as ``identify`` and ``EnrolmentService.complete``.
        """
        identity = self._identify(token, name, environment, actor)
        desired: list[DesiredConfiguration] = []

        def configure(connection: Connection, enrolment: Enrolment) -> None:
            desired.append(self._desire(connection, enrolment, actor))

        enrolment = self._enrolment.complete(
            {**proof, "token": token},
            agent_id=identity.agent_id,
            name=identity.name,
            environment=identity.environment,
            actor=actor,
            then=configure,
        )
        return Exchange(
            enrolment=enrolment,
            name=identity.name,
            environment=identity.environment,
            config=desired[0].config,
            config_revision=desired[0].revision,
            config_sha256=desired[0].sha256,
        )

    def _desire(self, connection: Connection, enrolment: Enrolment, actor: str) -> DesiredConfiguration:
        newest = configurations.latest(connection, enrolment.agent_id) if enrolment.repeated else None
        if newest is not None:
            # Said before; what an operator has changed since then stays.
            return DesiredConfiguration(config=newest.config, sha256=newest.sha256, revision=newest.revision, new=False)
        agent = agents.get(connection, enrolment.agent_id, lock=True)
        assert agent is not None  # it was locked by this transaction
        token_id = enrolment.certificate.token_id
        assert token_id is not None  # the certificate was issued for it
        binding = self._tokens.binding(connection, token_id)
        if binding.labels is not None and dict(binding.labels) != dict(agent.labels):
            agent = replace(agent, labels=dict(binding.labels))
            agents.save(connection, agent)
        changes = configuration_changes(binding, self._url())
        return self._configurations.amended(connection, agent, changes, actor=actor, record=True)


def configuration_changes(binding: Binding, orchestrator_url: str | None) -> dict[str, Any]:
    """What a token's binding says of an agent's configuration: keys of its first level."""
    changes: dict[str, Any] = {}
    if orchestrator_url is not None:
        changes["orchestrator_url"] = orchestrator_url
    if binding.capabilities is not None:
        changes["capabilities"] = list(binding.capabilities)
    if binding.labels is not None:
        changes["labels"] = dict(binding.labels)
    if binding.cluster_id is not None:
        changes["cluster"] = {"id": binding.cluster_id}
    return changes
