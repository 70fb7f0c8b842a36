"""OpenSSH option text (``ansible_ssh_common_args`` and friends) as options for asyncssh.

What changes how a host is reached is honoured; what only concerns the OpenSSH client's own machinery
(connection sharing, terminal) is accepted and has no meaning here; anything else is named in a warning.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stella_ops.errors import InventoryError


@dataclass(slots=True)
class SshOptions:
    """What option text asks for.

    Attributes:
        keywords: arguments for ``asyncssh.connect``.
        known_hosts: files given with UserKnownHostsFile and GlobalKnownHostsFile; None when not given.
        accept_new: StrictHostKeyChecking is "accept-new" (or "no", which means the same here: a key that
            changed is never accepted).
        config_files: files given with -F; None when not given.
        identities: files given with -i or IdentityFile.
        warnings: options without a meaning here.
    """

    keywords: dict[str, Any] = field(default_factory=dict)
    known_hosts: list[Path] | None = None
    accept_new: bool = False
    config_files: list[str] | None = None
    identities: list[Path] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


# Belong to the ssh program, not to the connection.
_WITHOUT_MEANING = frozenset(
    [
        "controlmaster",
        "controlpath",
        "controlpersist",
        "loglevel",
        "batchmode",
        "checkhostip",
        "updatehostkeys",
        "visualhostkey",
        "requesttty",
        "escapechar",
        "hashknownhosts",
        "verifyhostkeydns",
        "permitlocalcommand",
        "streamlocalbindunlink",
        "numberofpasswordprompts",
        "addkeystoagent",
        "exitonforwardfailure",
        "tcpkeepalive",
    ]
)
_FLAGS_WITHOUT_MEANING = frozenset("qvTtnNxX4")


@functools.lru_cache(maxsize=256)
def parse_ssh_args(text: str, where: str) -> SshOptions:
    """Option text as OpenSSH's command line takes it: ``-o Name=value -J jump -i key -p port``.

    Raises:
        InventoryError: quotes that do not close, or a value that cannot be.
    """
    try:
        words = shlex.split(text)
    except ValueError as problem:
        raise InventoryError(f"ssh arguments {text!r}: {problem}", where=where) from None
    options = SshOptions()
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if len(word) < 2 or word[0] != "-":
            raise InventoryError(f"ssh arguments {text!r}: '{word}' is no option", where=where)
        letter = word[1]
        if letter in "oJipljFWcmSbDELRewIQO":
            value = word[2:]
            if not value:
                if at >= len(words):
                    raise InventoryError(f"ssh arguments {text!r}: -{letter} needs a value", where=where)
                value = words[at]
                at += 1
            _letter(options, letter, value, where)
        elif letter == "C":
            options.keywords["compression_algs"] = ["zlib@openssh.com", "none"]
        elif letter == "A":
            options.keywords["agent_forwarding"] = True
        elif letter not in _FLAGS_WITHOUT_MEANING:
            options.warnings.append(f"ssh option {word} has no meaning here")
    return options


def _letter(options: SshOptions, letter: str, value: str, where: str) -> None:
    if letter == "o":
        name, sign, rest = value.partition("=")
        if not sign:
            name, _, rest = value.partition(" ")
        _option(options, name.strip().lower(), rest.strip().strip('"'), where)
    elif letter == "F":
        options.config_files = [] if value == "none" else [str(Path(value).expanduser())]
    elif letter in _LETTERS:
        _option(options, _LETTERS[letter], value, where)
    else:
        options.warnings.append(f"ssh option -{letter} has no meaning here")


_LETTERS = {"J": "proxyjump", "i": "identityfile", "p": "port", "l": "user", "c": "ciphers", "m": "macs"}


def _option(options: SshOptions, name: str, value: str, where: str) -> None:
    if name in ("userknownhostsfile", "globalknownhostsfile"):
        files = [] if value == "none" else [Path(word).expanduser() for word in shlex.split(value)]
        options.known_hosts = (options.known_hosts or []) + files
    elif name == "stricthostkeychecking":
        options.accept_new = value.lower() in ("no", "off", "accept-new")
    elif name == "identityfile":
        options.identities.append(Path(value).expanduser())
    elif name == "proxyjump":
        if value != "none":
            options.keywords["tunnel"] = value
    elif name == "proxycommand":
        if value != "none":
            options.keywords["proxy_command"] = value
    elif name in _VALUES:
        keyword, convert = _VALUES[name]
        try:
            options.keywords[keyword] = convert(value)
        except ValueError:
            raise InventoryError(f"ssh option {name}: '{value}' cannot be", where=where) from None
        if name == "identitiesonly" and options.keywords.pop("identitiesonly"):
            options.keywords["agent_path"] = None
    elif name not in _WITHOUT_MEANING:
        options.warnings.append(f"ssh option '{name}' has no meaning here")


def _yes(value: str) -> bool:
    lower = value.lower()
    if lower in ("yes", "true", "on"):
        return True
    if lower in ("no", "false", "off"):
        return False
    raise ValueError(value)


def _algorithms(value: str) -> Any:
    # A leading +, - or ^ changes the default list; asyncssh reads that form from a string.
    return value if value[:1] in "+-^" else value.split(",")


_VALUES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "port": ("port", int),
    "user": ("username", str),
    "hostkeyalias": ("host_key_alias", str),
    "identitiesonly": ("identitiesonly", _yes),
    "identityagent": ("agent_path", lambda value: None if value == "none" else value),
    "connecttimeout": ("connect_timeout", float),
    "serveraliveinterval": ("keepalive_interval", float),
    "serveralivecountmax": ("keepalive_count_max", int),
    "ciphers": ("encryption_algs", _algorithms),
    "kexalgorithms": ("kex_algs", _algorithms),
    "macs": ("mac_algs", _algorithms),
    "hostkeyalgorithms": ("server_host_key_algs", _algorithms),
    "pubkeyacceptedalgorithms": ("signature_algs", _algorithms),
    "pubkeyacceptedkeytypes": ("signature_algs", _algorithms),
    "compression": (
        "compression_algs",
        lambda value: ["zlib@openssh.com", "none"] if _yes(value) else ["none"],
    ),
    "forwardagent": ("agent_forwarding", _yes),
    "preferredauthentications": ("preferred_auth", lambda value: value.split(",")),
    "passwordauthentication": ("password_auth", _yes),
    "pubkeyauthentication": ("public_key_auth", _yes),
    "kbdinteractiveauthentication": ("kbdint_auth", _yes),
    "gssapiauthentication": ("gss_auth", _yes),
    "gssapidelegatecredentials": ("gss_delegate_creds", _yes),
    "addressfamily": ("family", lambda value: {"any": 0, "inet": 2, "inet6": 10}[value]),
    "bindaddress": ("local_addr", lambda value: (value, 0)),
}
