"""Lists of host keys that came by another way than SSH: a host's console, a hypervisor, a colleague.

Three forms are read, also mixed and amid other lines, as console logs have them:

* what ``ssh-keygen -lf`` prints: ``256 SHA256:… root@web1 (ED25519)``; cloud-init prints the same between
  ``-----BEGIN SSH HOST KEY FINGERPRINTS-----`` and its end;
* known_hosts lines, and those of ``ssh-keyscan``: ``web1,192.0.2.1 ssh-ed25519 AAAA…``;
* public keys: ``ssh-ed25519 AAAA… root@web1``, as cloud-init prints them too.

MD5 fingerprints are passed over: MD5 says nothing today.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stella_ops.errors import ParseError

_FINGERPRINT = re.compile(r"(?<!\S)(\d{2,6})\s+(SHA256:[A-Za-z0-9+/]{43})=?(?:\s+(.*?))?\s+\(([A-Z0-9-]+)\)\s*$")
_KEY = re.compile(
    r"(?:^|(?<=\s))(?:([^\s@#|]\S*)\s+)?((?:ssh|ecdsa)-[a-z0-9@.-]+)\s+(AAAA[A-Za-z0-9+/]+={0,2})(?:\s+(\S+))?\s*$"
)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key of a list.

    Attributes:
        kind: "ed25519", "ecdsa", "rsa" …, as ssh-keygen -l has it in brackets.
        fingerprint: OpenSSH's ``SHA256:…``.
        hosts: the names that the line gives it, lower case: known_hosts' names, or the host part of a comment.
        named: the hosts are part of the line's form (known_hosts, or the list is one host's), not of a comment.
        where: file and line.
    """

    kind: str
    fingerprint: str
    hosts: tuple[str, ...]
    named: bool
    where: str


def read_console_list(file: Path, host: str | None = None) -> list[ListedKey]:
    """The keys of a file.

    Args:
        host: the host whose console the list is of; None when the lines must tell.

    Raises:
        ParseError: it cannot be read, or has no key in it.
    """
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as problem:
        raise ParseError(f"cannot read the list of host keys: {problem.strerror}", where=file) from None
    found = list(parse_console_list(text, str(file), host))
    if not found:
        raise ParseError(
            "no host key in this list",
            where=file,
            hint="give the output of ssh-keygen -lf, known_hosts lines, or a console log of cloud-init",
        )
    return found


def parse_console_list(text: str, source: str, host: str | None = None) -> Iterable[ListedKey]:
    """The keys of a text; see ``read_console_list``."""
    for number, line in enumerate(text.splitlines(), 1):
        line = _without_colours(line).rstrip()
        shown = _FINGERPRINT.search(line)
        if shown is not None:
            kind, fingerprint, hosts, named = shown[4].lower(), shown[2], _of_comment(shown[3]), False
        else:
            plain = _KEY.search(line)
            digest = _digest(plain[2], plain[3]) if plain is not None else None
            if plain is None or digest is None:
                continue
            # known_hosts' names begin the line; what stands elsewhere is a console's prefix.
            names, kind = _names(plain[1] if plain.start() == 0 else None), kind_of(plain[2])
            fingerprint, hosts, named = digest, names or _of_comment(plain[4]), bool(names)
        if host is not None:
            hosts, named = (host.lower(),), True
        yield ListedKey(kind, fingerprint, hosts, named, f"{source}:{number}")


def kind_of(algorithm: str) -> str:
    """The kind of an algorithm, as ssh-keygen -l has it: ``ssh-ed25519`` is "ed25519"."""
    return "ecdsa" if algorithm.startswith("ecdsa-") else algorithm.removeprefix("ssh-")


def _digest(algorithm: str, data: str) -> str | None:
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    # The key names its own algorithm; what does not is no key.
    if raw[4 : 4 + int.from_bytes(raw[:4], "big")] != algorithm.encode():
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")


def _names(text: str | None) -> tuple[str, ...]:
    """The host names of a known_hosts line. Before a bare public key a console may have a prefix, which is none."""
    if not text or text.endswith(":") or any(c in text for c in "<>*?!=") or text.startswith("["):
        bracketed = re.fullmatch(r"\[[^\]]+\]:\d+(,\S+)?", text or "")
        if bracketed is None:
            return ()
    return tuple(text.lower().split(",")) if text else ()


def _of_comment(comment: str | None) -> tuple[str, ...]:
    """``root@web1`` is how a key says where it was made."""
    if not comment or "@" not in comment:
        return ()
    return (comment.split()[-1].rpartition("@")[2].lower(),)


def _without_colours(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)
