"""Jump hosts: how they are written, how one logs in there, and their connections, which the hosts behind them share."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import asyncssh

from stella_ops.errors import InventoryError, StellaError
from stella_ops.transport.login import Login
from stella_ops.transport.ssh_config import Target, resolve
from stella_ops.transport.ssh_options import Proxy, SshOptions


class Jump:
    """A jump host's connection, opened by whoever needs it first."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.connection: asyncssh.SSHClientConnection | None = None
        self.attempts = 0
        self.error: StellaError | None = None


def parse_hop(text: str, where: str) -> tuple[str | None, str, int | None]:
    """User, host and port of a jump host: ``[user@]host[:port]`` or an ``ssh://`` URI.

    Raises:
        InventoryError: it is neither.
    """
    found = re.fullmatch(
        r"(?:ssh://)?(?:(?P<user>.+)@)?(?:\[(?P<bracketed>[^\]]+)\]|(?P<host>[^\[\]:@/]+))(?::(?P<port>\d+))?/?", text
    )
    port = int(found["port"]) if found and found["port"] else None
    if found is None or (port is not None and not 0 < port < 65536):
        raise InventoryError(
            f"'{text}' is no jump host", where=where, hint="write ProxyJump as [user@]host[:port], with commas between"
        )
    return found["user"], found["bracketed"] or found["host"], port


async def login_at(hop: str, login: Login, *, first: bool) -> Login:
    """The login at a jump host. It has the known hosts of the host behind, and its own configuration."""
    user, name, port = parse_hop(hop, login.where)
    options = SshOptions(
        user_known_hosts=_handed_on(login.options.user_known_hosts, login.target.user_files),
        global_known_hosts=_handed_on(login.options.global_known_hosts, login.target.global_files),
        accept_new=login.options.accept_new,
        identities_only=login.options.identities_only,
    )
    target = await resolve(name, port, user, options, login.target.config_files, where=login.where)
    if not first:
        # It is reached through the one before, whatever its own configuration says.
        target = replace(target, proxy=Proxy())
    behind = (login.target, *login.hosts_behind)
    return Login(
        target=target,
        options=options,
        identities=login.identities,
        password=None,
        timeout=login.timeout,
        where=login.where,
        hosts_behind=behind,
    )


def at_jump_host(error: StellaError, target: Target, where: str) -> StellaError:
    """An error that a jump host is the reason of, for the host behind it."""
    message = error.message
    if not message.startswith("jump host "):
        message = f"jump host {target.name}: {message}"
    return type(error)(message, where=where, hint=error.hint)


def _handed_on(given: list[str] | None, files: tuple[Path, ...] | None) -> list[str] | None:
    """Known-hosts files that option text names hold on the whole way; they are expanded already."""
    return None if given is None or files is None else [str(file).replace("%", "%%") for file in files]
