"""What a bootstrap token is for and how it stands, as people and programs see it: everything but its secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from stella_ops.store import tokens
from stella_ops.store.columns import iso_z


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What the agent that a token enrols is to be, besides its name and environment; None: not said.

    ``platform`` is one of ``platforms.Platform``'s values, ``cluster_id`` the cluster it joins.
    """

    platform: str | None = None
    capabilities: tuple[str, ...] | None = None
    labels: Mapping[str, str] | None = None
    cluster_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenView:
    """A token as people see it: everything but its secret.

    ``status`` is valid, used (no use is left), expired or revoked. ``keys``: digests of the public keys it enrolled.
    """

    id: str
    agent_name: str
    environment: str
    status: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    uses: int
    max_uses: int
    revoked_at: datetime | None
    binding: Binding
    keys: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Plain JSON data; moments as ISO 8601 text in UTC with ``Z``."""
        return {
            "id": self.id,
            "agent_name": self.agent_name,
            "environment": self.environment,
            "status": self.status,
            "created_at": iso_z(self.created_at),
            "created_by": self.created_by,
            "expires_at": iso_z(self.expires_at),
            "uses": self.uses,
            "max_uses": self.max_uses,
            "revoked_at": iso_z(self.revoked_at) if self.revoked_at else None,
            "platform": self.binding.platform,
            "capabilities": list(self.binding.capabilities or ()),
            "labels": dict(self.binding.labels or {}),
            "cluster_id": self.binding.cluster_id,
            "keys": list(self.keys),
        }


def binding_of(token: tokens.Token) -> Binding:
    """What a stored token says of the agent it enrols."""
    return Binding(
        platform=token.platform,
        capabilities=None if token.capabilities is None else tuple(token.capabilities),
        labels=token.labels,
        cluster_id=token.cluster_id,
    )


def view_of(token: tokens.Token, now: datetime, keys: Sequence[str] = ()) -> TokenView:
    """A stored token as people see it at the moment ``now``."""
    if token.revoked_at is not None:
        status = "revoked"
    elif now >= token.expires_at:
        status = "expired"
    else:
        status = "valid" if token.uses < token.max_uses else "used"
    return TokenView(
        id=token.id,
        agent_name=token.agent_name,
        environment=token.environment,
        status=status,
        created_at=token.created_at,
        created_by=token.created_by,
        expires_at=token.expires_at,
        uses=token.uses,
        max_uses=token.max_uses,
        revoked_at=token.revoked_at,
        binding=binding_of(token),
        keys=tuple(keys),
    )
