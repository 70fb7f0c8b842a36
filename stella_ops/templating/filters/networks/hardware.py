"""Hardware (MAC) addresses, and the IPv6 addresses that hosts make of them."""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Callable
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.spelling import did_you_mean
from stella_ops.templating.filters.networks.interfaces import interface
from stella_ops.templating.lazy import plain_text

_MAC = re.compile(
    r"[0-9a-f]{12}|[0-9a-f]{1,2}(?:([:-])[0-9a-f]{1,2})(?:\1[0-9a-f]{1,2}){4}"
    r"|[0-9a-f]{4}([.:-])[0-9a-f]{4}\2[0-9a-f]{4}|[0-9a-f]{6}[:-][0-9a-f]{6}"
)


def octets(value: Any) -> list[int] | None:
    """The six bytes of a hardware address in any of its usual forms, or a number; None when it is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return list(value.to_bytes(6, "big")) if 0 <= value < 1 << 48 else None
    text = plain_text(value).strip().lower()
    if not _MAC.fullmatch(text):
        return None
    parts = re.split("[:.-]", text)
    width = 12 // len(parts)
    digits = "".join(part.zfill(width) for part in parts)
    return list(bytes.fromhex(digits))


def _joined(separator: str, form: str = "{:02x}", size: int = 1) -> Callable[[list[int]], str]:
    def write(found: list[int]) -> str:
        words = [found[start : start + size] for start in range(0, 6, size)]
        return separator.join("".join(form.format(byte) for byte in word) for word in words)

    return write


_QUERIES: dict[str, Callable[[list[int]], Any]] = {
    "bare": _joined("", "{:02X}"),
    "bool": lambda found: True,
    "cisco": _joined(".", size=2),
    "int": lambda found: int.from_bytes(bytes(found), "big"),
    "unix": _joined(":", "{:x}"),
    "linux": _joined(":"),
    **dict.fromkeys(("eui48", "win"), _joined("-", "{:02X}")),
    **dict.fromkeys(("pgsql", "postgresql", "psql"), _joined(":", size=3)),
}


def hwaddr(value: Any, query: str = "", alias: str = "hwaddr") -> Any:
    """A hardware address, in the form asked for; false when it is none.

    Args:
        query: nothing, bare, bool, cisco, eui48, int, linux, pgsql, unix or win.
    """
    if isinstance(value, list | tuple):
        return [item for item in (hwaddr(each, query, alias) for each in value) if item]
    if query and query not in _QUERIES:
        hint = did_you_mean(query, _QUERIES) or f"known: {', '.join(_QUERIES)}"
        raise TemplateError(f"{alias}: unknown query '{query}'", hint=hint)
    found = octets(value)
    if found is None:
        if query and query != "bool":
            raise TemplateError(f"{alias}: '{value}' is no hardware address")
        return False if query else None
    return _QUERIES[query](found) if query else value


def macaddr(value: Any, query: str = "") -> Any:
    """As ``hwaddr``."""
    return hwaddr(value, query, "macaddr")


def slaac(value: Any, query: Any = "") -> Any:
    """The address that a host with this hardware address makes itself in an IPv6 network (RFC 4862)."""
    found, mac = interface(value), octets(query)
    if found is None or found.version != 6 or mac is None:
        return False
    eui = [mac[0] ^ 2, mac[1], mac[2], 0xFF, 0xFE, mac[3], mac[4], mac[5]]
    return str(found.address(found.first + int.from_bytes(bytes(eui), "big")))


def random_mac(value: Any, seed: Any = None) -> str:
    """A hardware address that begins with ``value`` and goes on at random; a seed repeats it."""
    text = plain_text(value).lower()
    given = text.split(":")
    if len(given) > 5 or not all(re.fullmatch("[0-9a-f]{2}", part) for part in given):
        raise TemplateError(
            f"random_mac: '{value}' is no beginning of a hardware address", hint="for example: '52:54:00'"
        )
    chosen: Any = secrets.SystemRandom() if seed is None else random.Random(seed)
    number = chosen.randint(68_719_476_736, 1_099_511_627_775)
    rest = re.findall("..", f"{number:x}")
    return ":".join((given + rest)[:6])


FILTERS: dict[str, Callable[..., Any]] = {"hwaddr": hwaddr, "macaddr": macaddr, "slaac": slaac}
COMMUNITY: dict[str, Callable[..., Any]] = {"random_mac": random_mac}
