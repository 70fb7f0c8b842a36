"""Fingerprints of host keys in the DNS: SSHFP records (RFC 4255; SHA-256 and ECDSA: 6594; Ed25519: 7479; Ed448: 8709).

A record proves something only where DNSSEC protects it. Whether it does is said by the resolver's AD flag (RFC 4035,
section 3.2.3), and is worth as much as the resolver and the way to it: best one on this machine.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stella_ops.errors import StellaError, UsageError

_ALGORITHMS = {"ssh-rsa": 1, "ssh-dss": 2, "ssh-ed25519": 4, "ssh-ed448": 6}
_SHA256 = 2
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class SshfpAnswer:
    """What the DNS says of one name.

    Attributes:
        records: algorithm number, kind of fingerprint and its bytes.
        validated: the resolver says that DNSSEC protects the answer.
        problem: why there is no answer; None where there are records, or plainly none.
    """

    name: str
    records: tuple[tuple[int, int, bytes], ...] = ()
    validated: bool = False
    problem: str | None = None

    def verdict(self, algorithm: str, public_key: str) -> str:
        """How a key stands to the records: "match", "mismatch", or "absent" where none is about its kind.

        Args:
            algorithm, public_key: OpenSSH's name of the kind, and ``algorithm base64``.
        """
        number = 3 if algorithm.startswith("ecdsa-") else _ALGORITHMS.get(algorithm)
        digest = hashlib.sha256(base64.b64decode(public_key.split()[1])).digest()
        # SHA-1 fingerprints (1) are passed over: RFC 6594 has them ignored where there is a better one.
        mine = [data for kind, form, data in self.records if kind == number and form == _SHA256]
        if not mine:
            return "absent"
        return "match" if digest in mine else "mismatch"


async def look_up(names: Iterable[str], server: str | None = None, timeout: float = 5.0) -> dict[str, SshfpAnswer]:
    """The SSHFP records of some names, asked for side by side.

    Args:
        server: a resolver's address, with ``:port`` where it is not 53 (``[2001:db8::1]:5353``); None for the system's.
        timeout: seconds for one name.

    Raises:
        StellaError: dnspython is not installed, or there is no resolver.
        UsageError: ``server`` is no address.
    """
    try:
        import dns.asyncresolver
        import dns.exception
        import dns.flags
        import dns.resolver
    except ModuleNotFoundError:
        raise StellaError(
            "SSHFP records need the Python package 'dnspython'", hint="pip install 'stella-ops[dns]'"
        ) from None
    try:
        resolver = dns.asyncresolver.Resolver(configure=server is None)
    except dns.exception.DNSException as problem:
        raise StellaError(f"no DNS resolver: {problem}", hint="name one: --dns-server 127.0.0.1") from None
    if server is not None:
        address, port = _server(server)
        resolver.nameservers, resolver.port = [address], port
    resolver.lifetime = timeout
    resolver.use_edns(0, dns.flags.DO, 1232)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> SshfpAnswer:
        if _is_address(name):
            return SshfpAnswer(name, problem="an address has no SSHFP records")
        async with gate:
            return await _ask(resolver, name)

    unique = list(dict.fromkeys(names))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(name)) for name in unique]
    return {name: task.result() for name, task in zip(unique, tasks, strict=True)}


async def _ask(resolver: Any, name: str) -> SshfpAnswer:
    import dns.exception
    import dns.flags
    import dns.resolver

    try:
        found = await resolver.resolve(name, "SSHFP", raise_on_no_answer=False, search=False)
    except dns.resolver.NXDOMAIN:
        return SshfpAnswer(name, problem="the DNS has no such name")
    except dns.resolver.LifetimeTimeout:
        return SshfpAnswer(name, problem="the DNS did not answer in time")
    except dns.resolver.NoNameservers:
        # A validating resolver says so of an answer whose signatures are wrong.
        return SshfpAnswer(name, problem="the DNS server failed (SERVFAIL): wrong DNSSEC signatures, or no server")
    except (dns.exception.DNSException, OSError) as problem:
        return SshfpAnswer(name, problem=str(problem) or type(problem).__name__)
    validated = bool(found.response.flags & dns.flags.AD)
    records = tuple((record.algorithm, record.fp_type, record.fingerprint) for record in found.rrset or ())
    return SshfpAnswer(name, records, validated)


def dns_name(name: str, host: str) -> str:
    """The name to ask the DNS for: what is connected to, or the inventory's name where that is an address."""
    return host if _is_address(name) else name


def describe(answer: SshfpAnswer, verdict: str) -> str:
    """A verdict in words."""
    if answer.problem is not None:
        return f"SSHFP: {answer.problem}"
    how = "DNSSEC validated" if answer.validated else "without DNSSEC"
    said: dict[str, str] = {
        "match": f"SSHFP of {answer.name} matches ({how})",
        "mismatch": f"SSHFP of {answer.name} says ANOTHER key ({how})",
        "absent": f"SSHFP: none for this kind of key at {answer.name}",
    }
    return said[verdict]


def _server(text: str) -> tuple[str, int]:
    address, port = text, "53"
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or "53"
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    if not _is_address(address) or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"--dns-server: '{text}' is no address", hint="write 127.0.0.1, 127.0.0.1:5353 or [::1]:5353")
    return address, int(port)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def sources(answers: Sequence[SshfpAnswer]) -> str:
    """One line about all answers: how many names have records, and how many of those are protected."""
    having = [answer for answer in answers if answer.records]
    return (
        f"SSHFP: {len(having)} of {len(answers)} names have records, "
        f"{sum(answer.validated for answer in having)} of them DNSSEC validated"
    )
