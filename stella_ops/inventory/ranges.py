"""Host names as inventories write them: one name, a port behind it, or many names by ranges.

    web1                      web1:2222              one host, and one on another port
    web[01:20].example.com    web[a:f]  db[0:10:2]   numbers (zero padded as the start is), letters, a step
    10.0.0.[1:9]              [::1]:22  fe80::1      addresses; IPv6 with a port needs the outer brackets

Both ends belong to a range. The syntax is that of Ansible's inventories.
"""

from __future__ import annotations

import ipaddress
import itertools
import math
import re
import string

from stella_ops.errors import InventoryError
from stella_ops.origins import Origin

#: More hosts than this from one entry is a slip of the finger (``[1:10000000]``), not a fleet.
MOST_HOSTS = 1_000_000

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_NAME = re.compile(r"[\w./][\w.\-+/]*")
_RANGE = re.compile(r"\[([^\[\]]*)\]")
_BRACKETED = re.compile(r"\[(.+)\](?::([^:\[\]]*))?")
_HOST_AND_PORT = re.compile(r"((?:[^:\[\]]|\[[^\[\]]*\])*):([^:\[\]]*)")


def expand_host_pattern(pattern: str, where: Origin) -> tuple[list[str], int | None]:
    """The host names that an entry of an inventory stands for, in order, and the port written behind it.

    Raises:
        InventoryError: not a host name, a malformed range, or a port that is none.
    """
    pattern = str.__str__(pattern)  # a name is data, though it was written in a source
    if _PLAIN.fullmatch(pattern):
        return [pattern], None
    name, port = _split_port(pattern, where)
    return _expand(name, pattern, where), port


def split_address(text: str, where: Origin) -> tuple[str, int | None]:
    """One host name and its port; ranges are refused."""
    names, port = expand_host_pattern(text, where)
    if names != [text] and "[" in _split_port(text, where)[0]:
        raise InventoryError(f"'{text}' is a range: one host name is expected", where=where)
    return names[0], port


def is_ipv6(text: str) -> bool:
    """Whether a text is an IPv6 address, without brackets."""
    if text.count(":") < 2:
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _split_port(pattern: str, where: Origin) -> tuple[str, int | None]:
    bracketed = _BRACKETED.fullmatch(pattern)
    if bracketed and is_ipv6(_RANGE.sub("1", bracketed[1])):
        return bracketed[1], _port(bracketed[2], pattern, where)
    if is_ipv6(_RANGE.sub("1", pattern)):
        return pattern, None
    with_port = _HOST_AND_PORT.fullmatch(pattern)
    if with_port:
        return with_port[1], _port(with_port[2], pattern, where)
    return pattern, None


def _port(text: str | None, pattern: str, where: Origin) -> int | None:
    if text is None:
        return None
    # isdecimal() alone lets other scripts' digits and numbers too long for int() through
    if re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= 65535:
        return int(text)
    said = f"'{text}' is not a port" if text else "a port is missing"
    raise InventoryError(
        f"{said} in '{pattern}'", where=where, hint="what stands after ':' is a port number, 1 to 65535"
    )


def _expand(name: str, pattern: str, where: Origin) -> list[str]:
    pieces = _RANGE.split(name)  # literal, range, literal, range, …, literal
    _check_name("1".join(pieces[::2]), pattern, where)
    if len(pieces) == 1:
        return [name]
    choices = [_values(piece, pattern, where) for piece in pieces[1::2]]
    if math.prod(len(choice) for choice in choices) > MOST_HOSTS:
        raise InventoryError(f"'{pattern}' stands for more than {MOST_HOSTS} hosts", where=where)
    literals = pieces[::2]
    return [
        literals[0] + "".join(value + literal for value, literal in zip(values, literals[1:], strict=True))
        for values in itertools.product(*choices)
    ]


def _check_name(name: str, pattern: str, where: Origin) -> None:
    if _NAME.fullmatch(name) or is_ipv6(name):
        return
    hint = None
    if name.startswith("-"):
        hint = "a host name does not start with '-'"
    elif "[" in name or "]" in name:
        hint = "a bracket is not closed, or stands inside another; a range is [1:20], [01:20], [a:f] or [0:10:2]"
    elif "@" in name:
        user, _, host = name.rpartition("@")
        hint = f"give the login user as a variable: {host} ansible_user={user}"
    elif ":" in name:
        hint = "an IPv6 address with a port is written [address]:port"
    elif "," in name:
        hint = "hosts stand one on a line, without commas"
    elif "{{" in name:
        hint = "host names cannot be templates"
    raise InventoryError(f"'{pattern}' is not a host name", where=where, hint=hint)


def _values(text: str, pattern: str, where: Origin) -> list[str]:
    def wrong(message: str, hint: str | None = None) -> InventoryError:
        return InventoryError(f"range [{text}] in '{pattern}' {message}", where=where, hint=hint)

    parts = text.split(":")
    if len(parts) not in (2, 3):
        raise wrong("is malformed", "a range is [begin:end] or [begin:end:step]")
    begin, end = parts[0] or "0", parts[1]
    if not end:
        raise wrong("has no end", "a range is [begin:end] or [begin:end:step]")
    if any(len(part) > 18 for part in parts):
        raise wrong("has a number that is too long")
    step_text = parts[2] if len(parts) == 3 else "1"
    if not re.fullmatch(r"[0-9]+", step_text) or int(step_text) == 0:
        raise wrong(f"has the step '{step_text}'", "a step is a whole number above 0")
    step = int(step_text)

    letters = string.ascii_letters
    if len(begin) == len(end) == 1 and begin in letters and end in letters:
        first, last = letters.index(begin), letters.index(end)
        if first > last:
            raise wrong("runs backwards", f"write [{end}:{begin}]")
        return list(letters[first : last + 1 : step])
    if not (re.fullmatch(r"[0-9]+", begin) and re.fullmatch(r"[0-9]+", end)):
        raise wrong("mixes kinds", "both ends are numbers, or both are single letters")
    padded = len(begin) > 1 and begin.startswith("0")
    if padded and len(begin) != len(end):
        width = max(len(begin), len(end))
        raise wrong("has ends of unequal length", f"write [{begin.zfill(width)}:{end.zfill(width)}]")
    if int(begin) > int(end):
        raise wrong("runs backwards", f"write [{end}:{begin}]")
    numbers = range(int(begin), int(end) + 1, step)
    if len(numbers) > MOST_HOSTS:
        raise wrong(f"stands for more than {MOST_HOSTS} hosts")
    width = len(begin) if padded else 0
    return [str(number).zfill(width) for number in numbers]
