"""OpenSSH option text (``ansible_ssh_common_args`` and friends) as options for asyncssh.

What changes how a host is reached is honoured; what only concerns the OpenSSH client's own machinery
(connection sharing, terminal) is accepted and has no meaning here; anything else is named in a warning. Of an
option that is given twice the first counts, as with OpenSSH.
"""

from __future__ import annotations

import functools
import re
import shlex
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from stella_ops.errors import InventoryError


class Proxy(NamedTuple):
    """How to reach a host: through jump hosts, by a command's standard input and output, or (neither) directly."""

    jumps: tuple[str, ...] = ()
    command: str | None = None


@dataclass(slots=True)
class SshOptions:
    """What option text asks for. One instance serves all hosts with the same text: do not change it.

    Attributes:
        keywords: arguments for ``asyncssh.connect``.
        user_known_hosts, global_known_hosts: files, their tokens not expanded; None when not given.
        proxy: how to reach the host; None when nothing is said of it.
        accept_new: StrictHostKeyChecking is "accept-new" (or "no", which means the same here: a key that
            changed is never accepted); None when not given.
        config_files: files given with -F; None when not given.
        identities: files given with -i or IdentityFile, their tokens not expanded.
        identities_only: offer no keys but these.
        warnings: options without a meaning here.
    """

    keywords: dict[str, Any] = field(default_factory=dict)
    user_known_hosts: list[str] | None = None
    global_known_hosts: list[str] | None = None
    proxy: Proxy | None = None
    accept_new: bool | None = None
    config_files: list[str] | None = None
    identities: list[str] = field(default_factory=list)
    identities_only: bool | None = None
    warnings: list[str] = field(default_factory=list)


# Belong to the ssh program, not to the connection.
_WITHOUT_MEANING = frozenset(
    [
        "addkeystoagent",
        "batchmode",
        "checkhostip",
        "controlmaster",
        "controlpath",
        "controlpersist",
        "escapechar",
        "exitonforwardfailure",
        "hashknownhosts",
        "loglevel",
        "numberofpasswordprompts",
        "permitlocalcommand",
        "requesttty",
        "streamlocalbindunlink",
        "tcpkeepalive",
        "updatehostkeys",
        "verifyhostkeydns",
        "visualhostkey",
    ]
)
_WITH_VALUE = frozenset("BbcDEeFIiJLlmOoPpQRSWw")
_FLAGS_WITHOUT_MEANING = frozenset("qvTtnNxXaMkfyY")
_FLAGS: dict[str, tuple[str, Any]] = {
    "C": ("compression_algs", ["zlib@openssh.com", "none"]),
    "A": ("agent_forwarding", True),
    "4": ("family", socket.AF_INET),
    "6": ("family", socket.AF_INET6),
}
_LETTERS = {"J": "proxyjump", "i": "identityfile", "p": "port", "l": "user", "c": "ciphers", "m": "macs"}


@functools.lru_cache(maxsize=256)
def parse_ssh_args(text: str, where: str) -> SshOptions:
    """Option text as OpenSSH's command line takes it: ``-o Name=value -J jump -i key -p port``.

    Raises:
        InventoryError: quotes that do not close, or a value that cannot be.
    """

    def wrong(problem: object) -> InventoryError:
        return InventoryError(
            f"ssh arguments {text!r}: {problem}", where=where, hint="check ansible_ssh_common_args and its kin"
        )

    try:
        words = iter(shlex.split(text))
    except ValueError as problem:
        raise wrong(problem) from None
    options = SshOptions()
    for word in words:
        if len(word) < 2 or word[0] != "-":
            raise wrong(f"'{word}' is no option")
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in _WITH_VALUE:
                value = letters or next(words, None)
                if value is None:
                    raise wrong(f"-{letter} needs a value")
                try:
                    _letter(options, letter, value)
                except (ValueError, KeyError):
                    raise wrong(f"-{letter} cannot be '{value}'") from None
                break
            if letter in _FLAGS:
                options.keywords.setdefault(*_FLAGS[letter])
            elif letter not in _FLAGS_WITHOUT_MEANING:
                options.warnings.append(f"ssh option -{letter} has no meaning here")
    return options


def split_files(value: str) -> list[str]:
    """The files of a known_hosts option; "none" is none.

    Raises:
        ValueError: a quote that does not close.
    """
    return [] if value.lower() == "none" else shlex.split(value)


def parse_proxy(name: str, value: str) -> Proxy:
    """The value of ProxyJump or ProxyCommand ("none" switches either off)."""
    if value.strip().lower() == "none":
        return Proxy()
    if name.lower() == "proxycommand":
        return Proxy(command=value)
    return Proxy(jumps=tuple(hop for hop in (part.strip() for part in value.split(",")) if hop))


def _letter(options: SshOptions, letter: str, value: str) -> None:
    if letter == "o":
        found = re.fullmatch(r"\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*", value, re.DOTALL)
        if found is None:
            raise ValueError(value)
        _option(options, found[1].lower(), found[2])
    elif letter == "F":
        if options.config_files is None:
            options.config_files = [] if value == "none" else [str(Path(value).expanduser())]
    elif letter in _LETTERS:
        _option(options, _LETTERS[letter], value)
    else:
        options.warnings.append(f"ssh option -{letter} has no meaning here")


def _option(options: SshOptions, name: str, value: str) -> None:
    if name == "userknownhostsfile":
        if options.user_known_hosts is None:
            options.user_known_hosts = split_files(value)
        return
    if name == "globalknownhostsfile":
        if options.global_known_hosts is None:
            options.global_known_hosts = split_files(value)
        return
    if name in ("proxyjump", "proxycommand"):
        if options.proxy is None:
            options.proxy = parse_proxy(name, value)
        return
    if value[:1] == value[-1:] == '"' and len(value) > 1:
        value = value[1:-1]
    if name == "stricthostkeychecking":
        if options.accept_new is None:
            options.accept_new = value.lower() in ("no", "off", "accept-new")
    elif name == "identityfile":
        options.identities.append(value)
    elif name == "identitiesonly":
        if options.identities_only is None:
            options.identities_only = _yes(value)
    elif name in _VALUES:
        keyword, convert = _VALUES[name]
        options.keywords.setdefault(keyword, convert(value))
    elif name not in _WITHOUT_MEANING:
        options.warnings.append(f"ssh option '{name}' has no meaning here")


def _yes(value: str) -> bool:
    return {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}[value.lower()]


def _port(value: str) -> int:
    port = int(value)
    if not 0 < port < 65536:
        raise ValueError(value)
    return port


def _seconds(value: str) -> float:
    """OpenSSH's time format: a number, or numbers with units ("1m30s")."""
    if re.fullmatch(r"\d+", value):
        return float(value)
    if not re.fullmatch(r"(\d+[smhdwSMHDW])+", value):
        raise ValueError(value)
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    return float(sum(int(count) * units[unit.lower()] for count, unit in re.findall(r"(\d+)(\w)", value)))


def _algorithms(value: str) -> Any:
    # A leading +, - or ^ changes the default list; asyncssh reads that form from a string.
    return value if value[:1] in tuple("+-^") else value.split(",")


_VALUES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "port": ("port", _port),
    "user": ("username", str),
    "hostkeyalias": ("host_key_alias", str),
    "identityagent": ("agent_path", lambda value: None if value == "none" else value),
    "connecttimeout": ("connect_timeout", _seconds),
    "serveraliveinterval": ("keepalive_interval", _seconds),
    "serveralivecountmax": ("keepalive_count_max", int),
    "ciphers": ("encryption_algs", _algorithms),
    "kexalgorithms": ("kex_algs", _algorithms),
    "macs": ("mac_algs", _algorithms),
    "hostkeyalgorithms": ("server_host_key_algs", _algorithms),
    "pubkeyacceptedalgorithms": ("signature_algs", _algorithms),
    "pubkeyacceptedkeytypes": ("signature_algs", _algorithms),
    "compression": ("compression_algs", lambda value: ["zlib@openssh.com", "none"] if _yes(value) else ["none"]),
    "forwardagent": ("agent_forwarding", _yes),
    "preferredauthentications": ("preferred_auth", lambda value: value.split(",")),
    "passwordauthentication": ("password_auth", _yes),
    "pubkeyauthentication": ("public_key_auth", _yes),
    "kbdinteractiveauthentication": ("kbdint_auth", _yes),
    "challengeresponseauthentication": ("kbdint_auth", _yes),
    "gssapiauthentication": ("gss_auth", _yes),
    "gssapidelegatecredentials": ("gss_delegate_creds", _yes),
    "addressfamily": (
        "family",
        lambda value: {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}[value.lower()],
    ),
    "bindaddress": ("local_addr", lambda value: (value, 0)),
}
