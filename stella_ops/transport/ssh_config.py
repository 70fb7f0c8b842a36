"""Where a host really is: the inventory's words, OpenSSH option text, and ~/.ssh/config taken together.

asyncssh reads the same configuration for the rest (keys, algorithms, user …). What is worked out here is what it
would not do our way: which keys are trusted, and how a proxy is opened.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from asyncssh.config import SSHClientConfig

from stella_ops.errors import InventoryError
from stella_ops.transport.ssh_options import Proxy, SshOptions, parse_proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One SSH server, as OpenSSH would reach it.

    Attributes:
        name: as it was asked for; what ``Host`` lines in the configuration match.
        host, port: what is connected to (HostName, Port).
        user: login name.
        key_name, key_port: how known_hosts names it; HostKeyAlias stands without a port.
        user_files, global_files: known_hosts files; None for OpenSSH's usual ones.
        proxy: on the way to it.
        config_files: the configuration that was read, for asyncssh to read the rest from.
        own_identities: the configuration names keys to log in with.
        key_algorithms: the configuration chooses host key algorithms.
    """

    name: str
    host: str
    port: int
    user: str
    key_name: str
    key_port: int
    user_files: tuple[Path, ...] | None
    global_files: tuple[Path, ...] | None
    proxy: Proxy
    config_files: tuple[str, ...]
    own_identities: bool
    key_algorithms: bool

    @property
    def place(self) -> str:
        """Host and port as known_hosts and people write them."""
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"


async def resolve(
    name: str, port: int | None, user: str | None, options: SshOptions, config_files: Sequence[str], *, where: str
) -> Target:
    """Work out where a host is.

    Args:
        name: host name, address, or an alias in the configuration.
        port, user: from the inventory; they win over ``options``, and those over the configuration.
        config_files: OpenSSH client configuration; those that cannot be read are passed over.
        where: the host, for errors.

    Raises:
        InventoryError: the configuration is malformed.
    """
    user = user or options.keywords.get("username")
    port = port or options.keywords.get("port")
    files = tuple(file for file in config_files if os.access(file, os.R_OK))
    said: Mapping[str, Any] = {}
    if files:
        try:
            # "Match exec" runs programs.
            said = await asyncio.to_thread(_read_config, files, name, port, user)
        except (ValueError, OSError) as problem:
            raise InventoryError(
                f"OpenSSH client configuration: {problem}", where=where, hint="check it with: ssh -G " + name
            ) from None
    host = str(said.get("Hostname") or name)
    port = port or int(said.get("Port") or 22)
    user = user or cast("str | None", said.get("User")) or getpass.getuser()
    tokens = {"h": host, "n": name, "p": str(port), "r": user}
    alias = options.keywords.get("host_key_alias") or said.get("HostKeyAlias")
    return Target(
        name=name,
        host=host,
        port=port,
        user=user,
        key_name=alias or host,
        key_port=22 if alias else port,
        user_files=_files(options.user_known_hosts, said.get("UserKnownHostsFile"), tokens),
        global_files=_files(options.global_known_hosts, said.get("GlobalKnownHostsFile"), tokens),
        proxy=_expanded(_proxy(options, said), tokens),
        config_files=files,
        own_identities=bool(said.get("IdentityFile")),
        key_algorithms="HostKeyAlgorithms" in said,
    )


def expand(text: str, tokens: Mapping[str, str]) -> str:
    """Expand OpenSSH's tokens (ssh_config(5), "TOKENS") and ``${VARIABLES}``; unknown ones stay as they are."""
    everywhere = {
        "%": "%",
        "d": str(Path.home()),
        "i": str(os.getuid()),
        "u": getpass.getuser(),
        "l": socket.gethostname(),
        "L": socket.gethostname().partition(".")[0],
        **tokens,
    }
    text = re.sub(r"%(.)", lambda found: everywhere.get(found[1], found[0]), text)
    return re.sub(r"\$\{(\w+)\}", lambda found: os.environ.get(found[1], found[0]), text)


def expand_path(text: str, tokens: Mapping[str, str]) -> Path:
    """A path of OpenSSH options."""
    return Path(expand(text, tokens)).expanduser()


def _read_config(files: tuple[str, ...], name: str, port: int | None, user: str | None) -> dict[str, Any]:
    # asyncssh tells "not given" from None by an empty tuple.
    words = (getpass.getuser(), user or (), name, port or ())
    config = SSHClientConfig.load(None, files, False, False, False, *words)
    if config.has_match_final():
        config = SSHClientConfig.load(config, files, True, False, True, *words)
    return config.get_options(False)


def _files(given: list[str] | None, configured: list[str] | None, tokens: Mapping[str, str]) -> tuple[Path, ...] | None:
    chosen = configured if given is None else given
    return None if chosen is None else tuple(expand_path(file, tokens) for file in chosen)


def _proxy(options: SshOptions, said: Mapping[str, Any]) -> Proxy:
    if options.proxy is not None:
        return options.proxy
    if said.get("ProxyJump"):
        return parse_proxy("ProxyJump", said["ProxyJump"])
    if said.get("ProxyCommand"):
        # asyncssh has expanded the tokens; a second time would spoil a literal "%%".
        return Proxy(command=str(said["ProxyCommand"]).replace("%", "%%"))
    return Proxy()


def _expanded(proxy: Proxy, tokens: Mapping[str, str]) -> Proxy:
    return Proxy(command=expand(proxy.command, tokens)) if proxy.command is not None else proxy
