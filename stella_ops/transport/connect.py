"""Opens SSH connections: to hosts, and to the jump hosts on the way.

Every connection, a jump host's too, goes through ``Connector._open``, so that no host key goes unverified.
Connections to jump hosts are shared by all hosts behind them, for the length of a run.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from stella_ops.errors import AuthenticationError, HostKeyError, InventoryError, StellaError, UnreachableError
from stella_ops.transport import lean_ssh
from stella_ops.transport.base import ConnectionSpec
from stella_ops.transport.connect_errors import connect_error, too_busy
from stella_ops.transport.host_key_errors import refused_key
from stella_ops.transport.host_keys import HostKeys, RefusedKey, Trust
from stella_ops.transport.jump_hosts import Jump, at_jump_host, login_at
from stella_ops.transport.login import Login
from stella_ops.transport.login_keys import agent_socket, default_keys, load_key, locked_key_error
from stella_ops.transport.proxy_command import ProxyCommand
from stella_ops.transport.shared_agent import Agents
from stella_ops.transport.ssh_config import expand_path, resolve
from stella_ops.transport.ssh_options import parse_ssh_args

# sshd begins to drop connections that have not logged in yet at 10 of them (MaxStartups 10:30:100). Many
# inventory names may lead to one address, and many controllers to one host.
LOGINS_AT_ONCE = 8
CONNECT_ATTEMPTS = 5
KEEPALIVE_SECONDS = 15
# Between tries that are asked for, as in ansible-core: 0, 1, 3, 7 … seconds, and never more.
LONGEST_PAUSE = 30
LOGIN_SECONDS = 30.0

T = TypeVar("T")


@dataclass(slots=True)
class SshSettings:
    """What all connections of a run share.

    Attributes:
        host_keys: the trusted keys.
        accept_new: accept keys of hosts that are not known yet (``--accept-new-host-keys``).
        config_files: OpenSSH client configuration; missing files are passed over.
        private_keys: keys to offer when the inventory names none; empty for the usual ones.
        on_refused: told of a host key that contradicts what is on record, before the error is raised.
        warn: told of each SSH option that has no meaning here.
    """

    host_keys: HostKeys
    accept_new: bool = False
    config_files: list[str] = field(default_factory=lambda: [str(Path("~/.ssh/config").expanduser())])
    private_keys: list[Path] = field(default_factory=list)
    on_refused: Callable[[RefusedKey], Awaitable[None]] | None = None
    warn: Callable[[str], None] = lambda message: None


# AES-GCM costs a fifth of the processor time of asyncssh's first choice (ChaCha20-Poly1305); ^ puts these before
# the others without leaving any out.
PREFERRED_CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"


class Connector:
    """Opens the connections of a run."""

    def __init__(self, settings: SshSettings) -> None:
        lean_ssh.sign_at_once()
        self._settings = settings
        self._jumps: dict[tuple[object, ...], Jump] = defaultdict(Jump)
        self._proxies: list[ProxyCommand] = []
        self._agents = Agents()
        self._gates: dict[tuple[str, int], asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(LOGINS_AT_ONCE))

    async def connect(self, spec: ConnectionSpec) -> asyncssh.SSHClientConnection:
        """Connect to a host and log in; one that cannot be reached is tried again, as often as its spec says.

        A key that is not the host's, and a login that is refused, will not be better the next time.

        Raises:
            UnreachableError: or one of its kinds: host key, login.
            InventoryError: an option or a key file is wrong.
        """
        login = await self.login(spec)
        for attempt in range(spec.retries):
            try:
                return await self.through(login, self._open)
            except (HostKeyError, AuthenticationError):
                raise
            except UnreachableError:
                await asyncio.sleep(min(2**attempt - 1, LONGEST_PAUSE))
        return await self.through(login, self._open)

    async def login(self, spec: ConnectionSpec) -> Login:
        """What a host's connection takes, with OpenSSH's options and configuration read.

        Raises:
            InventoryError: an option is wrong.
        """
        settings = self._settings
        options = parse_ssh_args(spec.common_args, spec.name)
        for warning in options.warnings:
            settings.warn(warning)
        config = settings.config_files if options.config_files is None else options.config_files
        name = spec.address or spec.name
        target = await resolve(name, spec.port, spec.user, options, config, where=spec.name)
        tokens = {"h": target.host, "n": name, "p": str(target.port), "r": target.user}
        given = [spec.private_key_file] if spec.private_key_file else []
        given = given or [expand_path(path, tokens) for path in options.identities] or settings.private_keys
        return Login(
            target=target,
            options=options,
            identities=tuple(path.expanduser() for path in given),
            password=spec.password,
            timeout=options.keywords.get("connect_timeout", spec.connect_timeout),
            where=spec.name,
            host_keys=spec.host_keys,
            host_authorities=spec.host_authorities,
        )

    async def close(self) -> None:
        """Close the connections to jump hosts, those behind others first, and end proxy commands."""
        jumps, self._jumps = list(self._jumps.values()), defaultdict(Jump)
        for jump in reversed(jumps):
            if jump.connection is not None:
                await close_connection(jump.connection)
        proxies, self._proxies = self._proxies, []
        await asyncio.gather(*(proxy.close() for proxy in proxies))
        await self._agents.close()

    def trust(self, login: Login) -> Trust:
        """What is trusted for a connection.

        Raises:
            InventoryError: the inventory names a host key that is none.
        """
        target = login.target
        try:
            return self._settings.host_keys.trust(
                target.key_name,
                target.key_port,
                user_files=target.user_files,
                global_files=target.global_files,
                accept_new=self._settings.accept_new or bool(login.options.accept_new),
                inventory_keys=login.host_keys,
                inventory_authorities=login.host_authorities,
            )
        except InventoryError as error:
            raise InventoryError(error.message, where=login.where, hint=error.hint) from None

    async def through(self, login: Login, open_it: Callable[[Login, object], Awaitable[T]]) -> T:
        """Call ``open_it`` with the way to a host (None, a jump host's connection or a proxy command).

        An sshd that drops the connection before it speaks is too busy, and asked again.

        Raises:
            UnreachableError: it stays too busy, or a jump host cannot be reached.
        """
        gate = self._gates[login.target.host, login.target.port]
        for attempt in range(1, CONNECT_ATTEMPTS + 1):
            # A jump host's connection may have been lost since the last attempt.
            tunnel = await self._tunnel(login)
            async with gate:
                try:
                    return await open_it(login, tunnel)
                except (asyncssh.ConnectionLost, ConnectionResetError) as problem:
                    if isinstance(tunnel, ProxyCommand) and not tunnel.found_closed_door:
                        raise proxy_error(login, tunnel, problem) from None
                    if attempt == CONNECT_ATTEMPTS:
                        raise too_busy(problem, login.where) from None
            await asyncio.sleep(random.uniform(0.2, 0.6) * attempt)
        raise AssertionError("unreachable code")

    async def _open(self, login: Login, tunnel: object) -> asyncssh.SSHClientConnection:
        """One attempt. Every host key of a run is verified here."""
        settings, target, options = self._settings, login.target, login.options
        trust = self.trust(login)
        keywords: dict[str, Any] = {
            "keepalive_interval": KEEPALIVE_SECONDS,
            "login_timeout": max(LOGIN_SECONDS, login.timeout),
            **options.keywords,
            "connect_timeout": login.timeout,
            "port": target.port,
            "username": target.user,
        }
        if login.password is not None:
            keywords["password"] = login.password
        if not target.key_algorithms:
            keywords.setdefault("server_host_key_algs", trust.key_algorithms())
        if not _may_choose_ciphers(target.config_files):
            keywords.setdefault("encryption_algs", PREFERRED_CIPHERS)
        locked: list[str] = []
        agent = agent_socket(options.keywords.get("agent_path"))
        keys = self._client_keys(login, agent is not None, locked)
        if keys is not None:
            keywords["client_keys"] = keys
        elif not target.config_files and not options.identities_only and default_keys():
            # What asyncssh would read anew for every host. Which signature a key makes is noted in it.
            keywords["client_keys"] = [copy.copy(key) for key in default_keys()]
        if options.identities_only:
            keywords.update(_only_these(locked))

        async def attempt(**more: Any) -> asyncssh.SSHClientConnection:
            return await asyncssh.connect(
                target.name,
                config=list(target.config_files) or None,
                known_hosts=trust,
                tunnel=tunnel,
                proxy_command=None,
                x509_trusted_certs=None,
                client_factory=lambda: _Client(trust, self._agents),
                **{**keywords, **more},
            )

        try:
            # The agent is asked only where the keys that are named did not do: each of its keys that the host
            # does not know counts as a failed login there.
            if not keys or locked:
                return await attempt()
            try:
                return await attempt(agent_path=None)
            except asyncssh.PermissionDenied:
                if agent is None or options.identities_only:
                    raise
                return await attempt()
        except (asyncssh.ConnectionLost, ConnectionResetError):
            raise
        except (asyncssh.Error, OSError, ValueError) as problem:
            if isinstance(problem, asyncssh.ChannelOpenError):
                if problem.reason == "SSH connection closed":
                    raise asyncssh.ConnectionLost("the connection to the jump host is lost") from None
            elif isinstance(tunnel, ProxyCommand) and tunnel.said and not isinstance(problem, asyncssh.DisconnectError):
                raise proxy_error(login, tunnel, problem) from None
            elif settings.on_refused is not None:
                refused = refused_key(problem, target, trust, login.known_as)
                if refused is not None:
                    await settings.on_refused(refused)
            raise connect_error(
                problem,
                target,
                trust,
                timeout=login.timeout,
                where=login.where,
                locked_keys=locked,
                known_as=login.known_as,
            ) from None

    def _client_keys(self, login: Login, has_agent: bool, locked: list[str]) -> list[Any] | None:
        """The keys to offer besides the agent's; None for what the configuration or OpenSSH's habit says."""
        if not login.identities or (login.hosts_behind and login.target.own_identities):
            return None
        keys: list[Any] = []
        for path in login.identities:
            found = load_key(path, login.where)
            if not found:
                if not has_agent:
                    raise locked_key_error(path, login.where)
                locked.append(str(path))
            keys += found
        if login.hosts_behind:
            # The key is named for the host, not for the jump host, which may know the person's usual ones.
            keys += default_keys()
        return keys

    # -- the way there

    async def _tunnel(self, login: Login) -> object:
        proxy, target = login.target.proxy, login.target
        if proxy.command is not None:
            self._proxies.append(ProxyCommand(proxy.command))
            return self._proxies[-1]
        tunnel: asyncssh.SSHClientConnection | None = None
        way: tuple[str, ...] = ()
        for hop in proxy.jumps:
            way = (*way, hop)
            step = await login_at(hop, login, first=tunnel is None)
            if len(proxy.jumps) == 1 and (step.target.host, step.target.port) == (target.host, target.port):
                # "Host *" with a ProxyJump holds for the jump host as well, and means no detour for it.
                return None
            if step.target in step.hosts_behind:
                raise InventoryError(
                    f"the jump hosts lead round in a circle, to {hop}", where=login.where, hint="check ProxyJump"
                )
            tunnel = await self._jump(step, way, tunnel)
        return tunnel

    async def _jump(
        self, login: Login, way: tuple[str, ...], tunnel: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        """The connection to a jump host; one for all hosts behind it that see it in the same way."""
        target = login.target
        jump = self._jumps[way, target, login.identities, bool(login.options.accept_new)]
        seen = jump.attempts
        async with jump.lock:
            if jump.connection is not None and not jump.connection.is_closed():
                return jump.connection
            if jump.error is not None and jump.attempts != seen:
                # Others have just tried in vain; this host need not wait for the same again.
                raise at_jump_host(jump.error, target, login.where)
            try:
                if tunnel is None:
                    jump.connection = await self.through(login, self._open)
                else:
                    jump.connection = await self._behind(login, tunnel)
                jump.error = None
                return jump.connection
            except StellaError as error:
                jump.error = error
                raise at_jump_host(error, target, login.where) from None
            finally:
                jump.attempts += 1

    async def _behind(self, login: Login, tunnel: asyncssh.SSHClientConnection) -> asyncssh.SSHClientConnection:
        try:
            return await self._open(login, tunnel)
        except (asyncssh.ConnectionLost, ConnectionResetError) as problem:
            raise too_busy(problem, login.where) from None


class _Client(asyncssh.SSHClient):
    """Decides about host keys that asyncssh does not find among the trusted ones, and saves round trips."""

    def __init__(self, trust: Trust, agents: Agents) -> None:
        self._trust = trust
        self._agents = agents
        self._connection: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn
        lean_ssh.leave_out_empty_packets(conn)
        self._agents.share(conn)

    def begin_auth(self, username: str) -> None:
        lean_ssh.skip_question_of_none(self._connection)

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return self._trust.decide(key)


async def close_connection(connection: asyncssh.SSHClientConnection, patience: float = 5.0) -> None:
    """Close a connection; one that does not answer is left alone after ``patience`` seconds."""
    connection.close()
    with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
        async with asyncio.timeout(patience):
            await connection.wait_closed()


def _only_these(locked: list[str]) -> dict[str, Any]:
    """IdentitiesOnly: of the agent's keys, those alone that stand in for a key file with a passphrase."""
    public = [f"{path}.pub" for path in locked if Path(f"{path}.pub").exists()]
    return {"agent_identities": public} if public else {"agent_path": None}


def proxy_error(login: Login, proxy: ProxyCommand, problem: Exception) -> UnreachableError:
    said = proxy.said or str(problem)
    return UnreachableError(
        f"the proxy command to {login.target.place} ended: {said}",
        where=login.where,
        hint=f"try it by hand: {login.target.proxy.command}",
    )


@functools.lru_cache(maxsize=64)
def _may_choose_ciphers(config_files: tuple[str, ...]) -> bool:
    """Whether OpenSSH's client configuration names ciphers, or includes files that may."""
    for name in config_files:
        try:
            text = Path(name).read_text(encoding="utf-8", errors="replace").lower()
        except OSError:
            continue
        if "ciphers" in text or "include" in text:
            return True
    return False
