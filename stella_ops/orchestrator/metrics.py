"""What ``/metrics`` tells, in Prometheus's text format: this process's requests, and the fleet's counters.

No label's values come from outside without bound: routes are those of the table, agents are counted and never named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stella_ops import __version__
from stella_ops.store import agents, counters
from stella_ops.store.database import Store

_HELP = {
    "stella_agent_bootstrap_total": "Bootstrap tokens minted.",
    "stella_agent_bootstrap_success_total": "Bootstrap tokens exchanged for a certificate.",
    "stella_agent_bootstrap_failed_total": "Exchanges of bootstrap tokens that were refused.",
}
# Shown from the beginning, so that a rate over the first of them is no gap.
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")


class Metrics:
    """One process's metrics."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "stella_orchestrator_http_requests",
            "HTTP requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "stella_orchestrator_http_request_duration_seconds",
            "Time from a request's head to the end of its answer.",
            ("route",),
            registry=self._registry,
        )
        self._refused = Counter(
            "stella_orchestrator_connections_refused",
            "Connections that were not let in.",
            ("reason",),
            registry=self._registry,
        )
        self._connections = Gauge(
            "stella_orchestrator_connections", "Connections that are open.", registry=self._registry
        )
        Gauge("stella_orchestrator_info", "The version that answers.", ("version",), registry=self._registry).labels(
            __version__
        ).set(1)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered; ``route`` as in the table of operations."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._durations.labels(route).observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a connection that was not let in."""
        self._refused.labels(reason).inc()

    def watch_connections(self, count: Callable[[], int]) -> None:
        """Ask this for the number of open connections."""
        self._connections.set_function(count)

    def text(self, store: Store) -> bytes:
        """All of it. Reads the store, so it blocks."""
        fleet = CollectorRegistry(auto_describe=False)
        fleet.register(_FleetCollector(store))
        return generate_latest(self._registry) + generate_latest(fleet)


class _FleetCollector(Collector):
    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        with self._store.reading() as connection:
            counted = counters.every(connection)
            tally = agents.tally(connection)
        for name, series in groupby(counted, key=lambda count: count.name):
            rows = list(series)
            labels = sorted({label for row in rows for label in row.labels})
            family = CounterMetricFamily(name.removesuffix("_total"), _HELP.get(name, "Counted."), labels=labels)
            for row in rows:
                family.add_metric([row.labels.get(label, "") for label in labels], row.value)
            yield family
        states = GaugeMetricFamily(
            "stella_agents", "Agents of the fleet by their state.", labels=["environment", "status"]
        )
        for (environment, status), number in sorted(tally.items()):
            states.add_metric([environment, status], number)
        yield states
