"""Hosts over SSH, by asyncssh: one connection a host, one channel for each user that tasks run as."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import asyncssh

from stella_ops.errors import AuthenticationError, HostKeyError, InventoryError, UnreachableError
from stella_ops.transport.base import Become, CommandResult, ConnectionSpec
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.host_keys import HostKeys, Trust
from stella_ops.transport.launch import launch
from stella_ops.transport.raw import RawExchange
from stella_ops.transport.runner_client import RunnerClient
from stella_ops.transport.session import Session
from stella_ops.transport.ssh_options import parse_ssh_args

# sshd begins to drop unauthenticated connections at 10 by default (MaxStartups 10:30:100), which matters
# when many inventory names lead to one address or one jump host.
CONNECT_ATTEMPTS = 3


@dataclass(slots=True)
class SshSettings:
    """What all connections of a run share.

    Attributes:
        host_keys: the trusted keys.
        accept_new: accept keys of hosts that are not known yet (``--accept-new-host-keys``).
        config_files: OpenSSH client configuration; missing files are passed over.
        private_keys: keys to offer when the inventory names none; empty for the usual ones.
        warn: told once of each SSH option that has no meaning here.
    """

    host_keys: HostKeys
    accept_new: bool = False
    config_files: list[str] = field(default_factory=lambda: [str(Path("~/.ssh/config").expanduser())])
    private_keys: list[Path] = field(default_factory=list)
    warn: Callable[[str], None] = lambda message: None


class _Client(asyncssh.SSHClient):
    """Decides about host keys that asyncssh does not find among the trusted ones."""

    def __init__(self, trust: Trust, keys: HostKeys, accept_new: bool) -> None:
        self._trust = trust
        self._keys = keys
        self._accept_new = accept_new
        self.refused: asyncssh.SSHKey | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        if self._trust.has_keys or not self._accept_new:
            self.refused = key
            return False
        self._keys.accept(host, port, key)
        return True


class _Wire(asyncssh.SSHClientSession[bytes]):
    """Connects an SSH channel with a runner client."""

    def __init__(self, client: RunnerClient) -> None:
        self._client = client
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._reason: str | None = None

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            self._client.stderr_received(data)
        else:
            self._client.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        self._client.connection_lost(str(exc) if exc else None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def write(self, data: bytes) -> None:
        if self._channel is not None and not self._channel.is_closing():
            # A connection that breaks between the check and the write tells so through connection_lost.
            with contextlib.suppress(OSError):
                self._channel.write(data)

    async def drain(self) -> None:
        await self._writable.wait()

    def close(self) -> None:
        if self._channel is not None and not self._channel.is_closing():
            with contextlib.suppress(OSError):
                self._channel.write_eof()


class SshSession(Session):
    """One host over SSH. The connection opens with the first call, and at most once."""

    def __init__(self, spec: ConnectionSpec, code: CodeLibrary, settings: SshSettings) -> None:
        super().__init__(spec, code)
        self._settings = settings
        self._connection: asyncssh.SSHClientConnection | None = None
        self._connecting = asyncio.Lock()

    async def _start_runner(self, become: Become | None) -> RunnerClient:
        connection = await self._connect()
        start = launch(self.spec.interpreter, become, name=self.spec.name)
        client = RunnerClient(self.spec.name, start, become, self._code)
        try:
            _, wire = await connection.create_session(lambda: _Wire(client), start.command, encoding=None)
        except (asyncssh.Error, OSError) as problem:
            raise UnreachableError(
                f"the host opens no session: {problem}",
                where=self.spec.name,
                hint="check MaxSessions and ForceCommand in the host's sshd_config",
            ) from None
        client.attach(wire)
        return client

    async def raw(self, command: str, become: Become | None = None, timeout: float = 0) -> CommandResult:
        exchange = RawExchange(command, become, name=self.spec.name)
        connection = await self._connect()
        try:
            async with asyncio.timeout(timeout or None):
                process = await connection.create_process(exchange.command, encoding=None)
                async with process:
                    await exchange.run(
                        cast(Any, process.stdin), cast(Any, process.stdout), cast(Any, process.stderr)
                    )
                    await process.wait_closed()
        except TimeoutError:
            raise exchange.too_late(timeout) from None
        except (asyncssh.Error, OSError) as problem:
            raise UnreachableError(
                f"the connection to the host broke: {problem}", where=self.spec.name
            ) from None
        status = process.returncode
        if status is None:
            raise UnreachableError("the connection to the host broke", where=self.spec.name)
        return exchange.result(status)

    async def close(self) -> None:
        await super().close()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()
            with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
                async with asyncio.timeout(5):
                    await connection.wait_closed()

    async def _connect(self) -> asyncssh.SSHClientConnection:
        async with self._connecting:
            if self._connection is None:
                self._connection = await self._connect_patiently()
            return self._connection

    async def _connect_patiently(self) -> asyncssh.SSHClientConnection:
        """Connects; an sshd that drops the connection before it speaks is too busy, and asked again."""
        for attempt in range(1, CONNECT_ATTEMPTS + 1):
            try:
                return await self._connect_once()
            except asyncssh.ConnectionLost as problem:
                if attempt == CONNECT_ATTEMPTS:
                    raise UnreachableError(
                        f"the host closed the connection before the login: {problem}",
                        where=self.spec.name,
                        hint="sshd may be at its MaxStartups limit or block this address: lower --forks or look "
                        "at the host's sshd log",
                    ) from None
                await asyncio.sleep(random.uniform(0.2, 0.8) * attempt)
        raise AssertionError("unreachable code")

    async def _connect_once(self) -> asyncssh.SSHClientConnection:
        spec, settings = self.spec, self._settings
        args = parse_ssh_args(spec.common_args, spec.name)
        for warning in args.warnings:
            settings.warn(warning)
        config = settings.config_files if args.config_files is None else args.config_files
        config = [path for path in config if os.access(path, os.R_OK)]
        keywords: dict[str, Any] = {"connect_timeout": spec.connect_timeout, **args.keywords}
        keywords.setdefault("login_timeout", max(30.0, spec.connect_timeout))
        keywords.setdefault("keepalive_interval", 15)
        if spec.user is not None:
            keywords["username"] = spec.user
        if spec.port is not None:
            keywords["port"] = spec.port
        if spec.password is not None:
            keywords["password"] = spec.password
        identities = [spec.private_key_file] if spec.private_key_file else args.identities
        if identities or settings.private_keys:
            keywords["client_keys"] = [
                _private_key(str(path.expanduser()), spec.name)
                for path in identities or settings.private_keys
            ]
        address = spec.address or spec.name
        files = args.known_hosts
        if files is None and config:
            files = await _configured_known_hosts(address, config, keywords)
        trust = settings.host_keys.trusted(files)
        client = _Client(trust, settings.host_keys, settings.accept_new or args.accept_new)
        try:
            return await asyncssh.connect(
                address, config=config, known_hosts=trust, client_factory=lambda: client, **keywords
            )
        except asyncssh.HostKeyNotVerifiable as problem:
            raise _host_key_error(spec, address, trust, client, problem) from None
        except asyncssh.PermissionDenied as problem:
            raise AuthenticationError(
                f"the host refuses the login: {problem}",
                where=spec.name,
                hint=f"check ansible_user{f' ({spec.user})' if spec.user else ''}, the key "
                "(ansible_ssh_private_key_file, the SSH agent) and the host's authorized_keys",
            ) from None
        except asyncssh.ConnectionLost:
            raise
        except TimeoutError:
            raise UnreachableError(
                f"no answer from {address}:{spec.port or 22} within {spec.connect_timeout:g} seconds",
                where=spec.name,
                hint="check that the host is up and no firewall drops the connection",
            ) from None
        except (asyncssh.Error, OSError, ValueError) as problem:
            raise _connect_error(spec, address, problem) from None


async def _configured_known_hosts(
    address: str, config: list[str], keywords: dict[str, Any]
) -> list[Path] | None:
    """The known-hosts files that the OpenSSH client configuration names for a host."""
    options = asyncssh.SSHClientConnectionOptions(
        host=address,
        config=config,
        **{name: value for name, value in keywords.items() if name in ("username", "port")},
        client_keys=None,
        agent_path=None,
    )
    if options.known_hosts is None:
        return []
    named = cast(list[str], options.known_hosts)
    return [Path(name).expanduser() for name in named] if named else None


@functools.lru_cache(maxsize=1024)
def _private_key(path: str, where: str) -> asyncssh.SSHKey:
    """A private key, read once for all the hosts that use it."""
    try:
        return asyncssh.read_private_key(path)
    except OSError as problem:
        raise InventoryError(
            f"cannot read the private key {path}: {problem.strerror}",
            where=where,
            hint="check ansible_ssh_private_key_file",
        ) from None
    except asyncssh.KeyEncryptionError:
        raise AuthenticationError(
            f"the private key {path} has a passphrase",
            where=where,
            hint=f"load it into the SSH agent: ssh-add {path}, and leave ansible_ssh_private_key_file out",
        ) from None
    except asyncssh.KeyImportError as problem:
        raise AuthenticationError(f"{path} is no private key: {problem}", where=where) from None


def _host_key_error(
    spec: ConnectionSpec, address: str, trust: Trust, client: _Client, problem: Exception
) -> HostKeyError:
    seen = ""
    if client.refused is not None:
        seen = f" ({client.refused.get_algorithm()} {client.refused.get_fingerprint()})"
    place = address if spec.port in (None, 22) else f"[{address}]:{spec.port}"
    if trust.has_keys:
        return HostKeyError(
            f"the host key of {place} is not the one on record{seen}",
            where=spec.name,
            hint="the host was reinstalled, or somebody is in between. Compare the fingerprint on the host's own "
            f"console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); if it is right: ssh-keygen -R '{place}'",
        )
    if client.refused is None:
        return HostKeyError(f"the host key of {place} cannot be verified: {problem}", where=spec.name)
    return HostKeyError(
        f"the host key of {place} is not known{seen}",
        where=spec.name,
        hint="compare the fingerprint, then add the key to known_hosts, or run once with --accept-new-host-keys",
    )


def _connect_error(spec: ConnectionSpec, address: str, problem: Exception) -> UnreachableError:
    place = f"{address}:{spec.port or 22}"
    text = str(problem)
    hint = None
    if isinstance(problem, ConnectionRefusedError) or "refused" in text.lower():
        text, hint = f"{place} refuses the connection", "check that sshd runs there and ansible_port is right"
    elif isinstance(problem, OSError) and (
        "Name or service" in text or "nodename" in text or "resolve" in text
    ):
        text, hint = (
            f"the name '{address}' does not resolve",
            "check the name, or set ansible_host to an address",
        )
    elif isinstance(problem, OSError) and problem.strerror:
        text, hint = f"{place}: {problem.strerror}", "check the network path to the host"
    else:
        text = f"{place}: {text}"
    return UnreachableError(text, where=spec.name, hint=hint)
