"""Asks SSH servers for all their host keys, without logging in.

A server shows one key a connection: the first that the client asked for and that it has. So the first connection
asks for every kind and learns from the server's own list (RFC 4253, section 7.1) which others there are; one more
connection fetches each. The key exchange proves that the server holds the private half. Jump hosts on the way are
logged in to as ever, their keys verified.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncssh

from stella_ops.errors import StellaError, UsageError
from stella_ops.transport.base import ConnectionSpec
from stella_ops.transport.connect import Connector, proxy_error
from stella_ops.transport.connect_errors import connect_error
from stella_ops.transport.host_keys import Trust
from stella_ops.transport.login import Login
from stella_ops.transport.proxy_command import ProxyCommand
from stella_ops.transport.shown_keys import HostCertificate, HostScan, ShownKey

_CERTIFIED = "-cert-v01@openssh.com"
#: Kinds of host keys by the names of ssh-keygen's -t, and the algorithms that stand for one key of the kind.
KINDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "ed25519": (("ssh-ed25519",),),
    "ecdsa": (("ecdsa-sha2-nistp256",), ("ecdsa-sha2-nistp384",), ("ecdsa-sha2-nistp521",)),
    "rsa": (("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),),
    "ed448": (("ssh-ed448",),),
}


def kinds_of(names: Sequence[str]) -> list[tuple[str, ...]]:
    """The kinds of keys that names mean: ``ed25519``, ``ecdsa``, ``rsa``, or an algorithm's full name.

    Raises:
        UsageError: an unknown name.
    """
    every = [kind for kinds in KINDS.values() for kind in kinds]
    if not names:
        usable = {name.decode() for name in asyncssh.public_key.get_public_key_algs()}
        return [kind for kind in every if usable.intersection(kind)]
    found: list[tuple[str, ...]] = []
    for name in names:
        named = list(KINDS.get(name.lower(), ())) or [kind for kind in every if name in kind]
        if not named:
            raise UsageError(f"'{name}' is no kind of host key", hint=f"known: {', '.join(KINDS)}")
        found += [kind for kind in named if kind not in found]
    return found


async def scan_hosts(
    connector: Connector,
    specs: Sequence[ConnectionSpec],
    *,
    kinds: Sequence[tuple[str, ...]],
    at_once: int,
    now: Callable[[], datetime],
    seen: Callable[[HostScan], None] = lambda scan: None,
) -> list[HostScan]:
    """Look at hosts side by side; results in the order of ``specs``. One bad host stops no other.

    Args:
        kinds: which keys to ask for, see ``kinds_of``.
        at_once: so many hosts at a time.
        now: the time that certificates are judged by.
        seen: told of each host when it is done.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(spec: ConnectionSpec) -> HostScan:
        async with gate:
            found = await _Look(connector, spec, kinds, now()).scan()
        seen(found)
        return found

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(spec)) for spec in specs]
    return [task.result() for task in tasks]


class _Look:
    """A look at one host."""

    def __init__(
        self, connector: Connector, spec: ConnectionSpec, kinds: Sequence[tuple[str, ...]], now: datetime
    ) -> None:
        self._connector = connector
        self._spec = spec
        self._kinds = list(kinds)
        self._now = now
        self._trust: Trust | None = None
        self._asked: list[str] = []

    async def scan(self) -> HostScan:
        name, port = "", 0
        keys: list[ShownKey] = []
        error: StellaError | None = None
        try:
            login = await self._connector.login(self._spec)
            name, port = login.target.key_name, login.target.key_port
            self._trust = self._connector.trust(login)
            waiting = list(self._kinds)
            while waiting:
                self._asked = [name for kind in waiting for name in _with_certificates(kind)]
                shown = await self._connector.through(login, self._fetch)
                if shown is None:
                    break
                key, offered = shown
                if not any(key.algorithm in kind for kind in waiting):
                    break
                keys.append(key)
                waiting = [kind for kind in waiting if key.algorithm not in kind and _has(kind, offered)]
        except StellaError as problem:
            error = problem
        return HostScan(
            host=self._spec.name,
            name=name,
            port=port,
            keys=tuple(keys),
            trust=self._trust,
            error=error,
            asked=frozenset(algorithm for kind in self._kinds for algorithm in kind),
        )

    async def _fetch(self, login: Login, tunnel: object) -> tuple[ShownKey, frozenset[str] | None] | None:
        """One key and the algorithms that the server has; None when it has none of those that are asked for."""
        assert self._trust is not None
        listener = _Listener()
        given = login.options.keywords
        keywords = {name: given[name] for name in ("family", "local_addr", "kex_algs") if name in given}
        through: Any = tunnel
        try:
            async with asyncio.timeout(login.timeout):
                options = await asyncssh.SSHClientConnectionOptions.construct(
                    client_factory=lambda: listener,
                    config=list(login.target.config_files) or None,
                    host=login.target.name,
                    connect_timeout=login.timeout,
                    client_keys=None,
                    agent_path=None,
                )
                key = await asyncssh.get_server_host_key(
                    login.target.name,
                    login.target.port,
                    tunnel=through,
                    proxy_command=None,
                    server_host_key_algs=self._asked,
                    options=options,
                    config=None,
                    **keywords,
                )
        except (asyncssh.ConnectionLost, ConnectionResetError):
            # sshd hangs up on those who want a key that it does not have; it has said before which it has.
            offered = listener.offered()
            if offered is not None and offered.isdisjoint(self._asked):
                return None
            raise
        except asyncssh.KeyExchangeFailed as problem:
            if "host key" in str(problem).lower():
                return None
            raise self._error(problem, login) from None
        except asyncssh.ChannelOpenError as problem:
            if problem.reason == "SSH connection closed":
                raise asyncssh.ConnectionLost("the connection to the jump host is lost") from None
            raise self._error(problem, login) from None
        except (asyncssh.Error, OSError, ValueError) as problem:
            if isinstance(tunnel, ProxyCommand) and tunnel.said and not isinstance(problem, asyncssh.DisconnectError):
                raise proxy_error(login, tunnel, problem) from None
            raise self._error(problem, login) from None
        if key is None:
            return None
        certificate = listener.certificate()
        return ShownKey(
            key=key, certificate=self._judge(certificate) if certificate is not None else None
        ), listener.offered()

    def _error(self, problem: Exception, login: Login) -> StellaError:
        assert self._trust is not None
        return connect_error(
            problem, login.target, self._trust, timeout=login.timeout, where=login.where, locked_keys=[]
        )

    def _judge(self, certificate: Any) -> HostCertificate:
        assert self._trust is not None
        after, before = certificate._valid_after, certificate._valid_before
        known, problem = self._trust.known, None
        if certificate.signing_key in known.revoked:
            problem = "the authority is revoked"
        elif certificate.key in known.revoked:
            problem = "the key is revoked"
        elif certificate.signing_key not in known.authorities:
            problem = "the authority is not on record for this host"
        else:
            problem = self._why_not_valid(certificate)
        return HostCertificate(
            authority=certificate.signing_key.get_fingerprint(),
            authority_algorithm=certificate.signing_key.get_algorithm(),
            key_id=str(certificate._key_id),
            serial=int(certificate._serial),
            principals=tuple(certificate.principals),
            valid_after=None if after == 0 else _time(after),
            valid_before=_time(before),
            trusted=problem is None,
            problem=problem,
        )

    def _why_not_valid(self, certificate: Any) -> str | None:
        """asyncssh's own judgement, as it falls when a connection is opened."""
        try:
            certificate.validate(asyncssh.public_key.CERT_TYPE_HOST, self._trust.name if self._trust else "")
        except ValueError as problem:
            return str(problem)
        return None


class _Listener(asyncssh.SSHClient):
    """Keeps what the server said before the login: asyncssh hands out the key alone.

    Where a version of asyncssh looks different inside, certificates go unseen and kinds are tried one after the other.
    """

    def __init__(self) -> None:
        self._connection: Any = None
        self._shown: bytes | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn
        judge = getattr(conn, "validate_server_host_key", None)
        if judge is None:
            return

        def keep(key_data: bytes) -> Any:
            self._shown = key_data
            return judge(key_data)

        conn.validate_server_host_key = keep  # type: ignore[method-assign]

    def certificate(self) -> Any:
        """The certificate that the server has shown, or None."""
        if self._shown is None:
            return None
        size = int.from_bytes(self._shown[:4], "big")
        algorithm = self._shown[4 : 4 + size].decode("ascii", "replace")
        if not algorithm.endswith(_CERTIFIED):
            return None
        try:
            return asyncssh.import_certificate(f"{algorithm} {base64.b64encode(self._shown).decode()}")
        except (asyncssh.KeyImportError, ValueError):
            return None

    def offered(self) -> frozenset[str] | None:
        """The host key algorithms that the server has; None where they cannot be told."""
        sent = getattr(self._connection, "_server_kexinit", None)
        if not isinstance(sent, bytes) or len(sent) < 17:
            return None
        try:
            packet = asyncssh.packet.SSHPacket(sent[17:])
            packet.get_namelist()
            return frozenset(name.decode("ascii", "replace") for name in packet.get_namelist())
        except (asyncssh.Error, ValueError):
            return None


def _with_certificates(kind: Sequence[str]) -> list[str]:
    # A certificate holds the plain key, so that one connection brings both.
    certified = {name.decode() for name in asyncssh.public_key.get_certificate_algs()}
    return [*(name + _CERTIFIED for name in kind if name + _CERTIFIED in certified), *kind]


def _has(kind: Sequence[str], offered: frozenset[str] | None) -> bool:
    return offered is None or bool(offered.intersection((*kind, *(name + _CERTIFIED for name in kind))))


def _time(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # "forever" is the greatest number there is
