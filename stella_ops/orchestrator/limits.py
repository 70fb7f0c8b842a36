"""How often strangers may ask: a token bucket for each address, in memory, for a bounded number of addresses."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable


class RateLimit:
    """Lets each address ask ``rate`` times a minute, as many of them at once.

    Args:
        rate: requests a minute.
        clock: seconds that only grow (``time.monotonic``).
        most: addresses that are remembered; beyond them the one that asked longest ago is forgotten.
    """

    def __init__(self, rate: int, *, clock: Callable[[], float], most: int = 10_000) -> None:
        self._rate = rate
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> float:
        """Count one request. 0 when it may be answered, else the seconds until one may."""
        now = self._clock()
        network = network_of(address)
        left, since = self._buckets.pop(network, (float(self._rate), now))
        left = min(float(self._rate), left + (now - since) * self._rate / 60)
        wait = 0.0 if left >= 1 else (1 - left) * 60 / self._rate
        self._buckets[network] = (left - 1 if left >= 1 else left, now)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)


def network_of(address: str) -> str:
    """The address, or of an IPv6 address its /64: one machine has all of those at its disposal (RFC 6177)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
