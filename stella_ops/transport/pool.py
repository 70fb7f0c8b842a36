"""The sessions of a run: one for each host and way of reaching it, kept for all its plays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.collections.moved import moved_to
from stella_ops.errors import InventoryError
from stella_ops.spelling import did_you_mean
from stella_ops.transport.base import ConnectionSpec, HostSession
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.refused import RefusedSession

if TYPE_CHECKING:
    from stella_ops.transport.host_keys import AcceptedKey, RefusedKey

KINDS = ("ssh", "local")

# Of ansible-core itself; those of collections have full names, or short ones that lead there.
_OTHERS_KINDS = ("psrp", "winrm")


class SessionPool:
    """Makes sessions and closes them all.

    Args:
        code: the modules that may travel.
        project_known_hosts: where accepted host keys are recorded.
        pinned_known_hosts: the keys that are pinned in the fleet store, written out; the file need not be there.
        host_authorities: see ``HostKeys``.
        accept_new_host_keys: see ``SshSettings.accept_new``.
        private_keys: keys to offer where the inventory names none.
        config_files: OpenSSH client configuration; None for ~/.ssh/config.
        on_accepted_key: called with ``host_keys.AcceptedKey``.
        on_refused_key: called with ``host_keys.RefusedKey``.
        warn: told of options without a meaning here.
    """

    def __init__(
        self,
        code: CodeLibrary,
        *,
        project_known_hosts: Path | None = None,
        pinned_known_hosts: Path | None = None,
        host_authorities: Sequence[str] = (),
        accept_new_host_keys: bool = False,
        private_keys: list[Path] | None = None,
        config_files: list[Path] | None = None,
        on_accepted_key: Callable[[AcceptedKey], None] | None = None,
        on_refused_key: Callable[[RefusedKey], Awaitable[None]] | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._code = code
        self._sessions: dict[ConnectionSpec, HostSession] = {}
        self._connector: Any = None
        self._config_files = config_files
        self._host_keys = (project_known_hosts, on_accepted_key, pinned_known_hosts, host_authorities)
        self._arguments = (accept_new_host_keys, private_keys or [], on_refused_key, warn)

    def session(self, spec: ConnectionSpec) -> HostSession:
        """The session of a host; made when it is first asked for, connected when it is first used.

        Raises:
            InventoryError: an unknown kind of connection.
        """
        known = self._sessions.get(spec)
        if known is None:
            known = self._sessions[spec] = self._make(spec)
        return known

    async def drop(self, spec: ConnectionSpec) -> None:
        """Forget a session, so that the next use connects anew."""
        session = self._sessions.pop(spec, None)
        if session is not None:
            await session.close()

    async def drop_host(self, name: str) -> None:
        """Forget every session of a host, as whatever user and by whatever way."""
        for spec in [spec for spec in self._sessions if spec.name == name]:
            await self.drop(spec)

    async def close(self) -> None:
        """Close every session; a host that does not answer holds nobody up."""
        sessions, self._sessions = list(self._sessions.values()), {}
        await asyncio.gather(*(session.close() for session in sessions), return_exceptions=True)
        if self._connector is not None:
            await self._connector.close()

    def _make(self, spec: ConnectionSpec) -> HostSession:
        if spec.kind == "local":
            from stella_ops.transport.local import LocalSession

            return LocalSession(spec, self._code)
        if spec.kind in ("ssh", "smart", "paramiko", "paramiko_ssh"):
            # asyncssh takes a while to import: a run on local hosts does without.
            from stella_ops.transport.ssh_library import import_asyncssh

            import_asyncssh()
            from stella_ops.transport.ssh import SshSession

            return SshSession(spec, self._code, self._ssh_connector())
        hint = f"known: {', '.join(KINDS)}"
        if "." in spec.kind or spec.kind in _OTHERS_KINDS or moved_to("connection", spec.kind):
            return RefusedSession(spec, hint)
        raise InventoryError(
            f"the connection plugin '{spec.kind}' was not found",
            where=spec.name,
            hint=did_you_mean(spec.kind, KINDS) or hint,
        )

    def _ssh_connector(self) -> Any:
        if self._connector is None:
            from stella_ops.transport.connect import Connector, SshSettings
            from stella_ops.transport.host_keys import HostKeys

            known_hosts, on_accept, pinned, authorities = self._host_keys
            accept_new, keys, on_refused, warn = self._arguments
            settings = SshSettings(
                host_keys=HostKeys(known_hosts, on_accept, pinned_file=pinned, authorities=authorities),
                accept_new=accept_new,
                private_keys=keys,
                on_refused=on_refused,
                warn=warn or (lambda message: None),
            )
            if self._config_files is not None:
                settings.config_files = [str(file) for file in self._config_files]
            self._connector = Connector(settings)
        return self._connector
