"""The store on a real PostgreSQL server, where one is installed."""

import secrets
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from stella_ops.agents.pinned_hosts import write_pinned_hosts
from stella_ops.agents.tokens import TokenService
from stella_ops.errors import EnrolmentError, StoreError
from stella_ops.store import agents, audit, configurations, heartbeats, host_facts, host_keys
from stella_ops.store.database import Store
from stella_ops.store.tables import metadata


@pytest.fixture
def url(postgresql):
    return postgresql.database()


def at_once(count, call):
    ready, said = threading.Barrier(count), []

    def run(number):
        ready.wait()
        try:
            said.append(call(number))
        except Exception as problem:
            said.append(problem)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


@pytest.fixture
def store(url):
    opened = Store.open(url)
    yield opened
    opened.close()


def test_concurrent_first_openings(url):
    assert at_once(6, lambda _: Store.open(url).close()) == [None] * 6


def test_the_migrations_make_the_tables(store):
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_facts_come_back(store):
    now = datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    text = '{"a": "\\u0000 \\ud800", "b": NaN}'
    with store.transaction() as connection:
        host_facts.save(connection, {"h": "{}", "i": "{}"}, now)
        host_facts.save(connection, {"h": text}, now + timedelta(hours=1))
    with store.reading() as connection:
        assert host_facts.find(connection, ["h", "i", "j"]) == {"h": text, "i": "{}"}
        assert host_facts.find(connection, ["h", "i"], since=now + timedelta(hours=1)) == {"h": text}


def test_rows_come_back(store):
    now = datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=5)))
    agent = agents.Agent(id="a1", name="web1", environment="prod", host="h", created_at=now, labels={"a": "b"})
    beat = heartbeats.Heartbeat(
        agent_id="a1", seq=1, time=now, received_at=now, version=None, status="healthy", data={"nul": "\0"}
    )
    with store.transaction() as connection:
        assert agents.add(connection, agent) == agent
        assert agents.add(connection, agent) == agent
        assert heartbeats.record(connection, [beat, beat]) == 1
        assert heartbeats.recent(connection, "a1") == [beat]
        first = configurations.record(connection, "a1", {"x": 1}, "1" * 64, at=now, by="ops")
        assert first.revision == 1
        audit.record(connection, audit.AuditEntry(time=now, actor="a", act="x", subject="y"))
    with store.reading() as connection:
        assert agents.get(connection, "a1").created_at.tzinfo is UTC
        assert len(audit.entries(connection)) == 1


def test_revisions_are_numbered_once(store):
    now = datetime.now(UTC)
    with store.transaction() as connection:
        agents.add(connection, agents.Agent(id="a1", name="n", environment="e", host="h", created_at=now))

    def record(number):
        with store.transaction() as connection:
            digest = f"{number:064d}"
            return configurations.record(connection, "a1", {"n": number}, digest, at=now, by="x").revision

    assert sorted(at_once(8, record)) == list(range(1, 9))


@pytest.mark.parametrize("uses", [1, 2])
def test_a_tokens_race(store, uses):
    service = TokenService(store, clock=lambda: datetime.now(UTC), random=secrets.token_bytes)
    token = service.mint("web1", "prod", created_by="ops", uses=uses)

    def exchange(number):
        return service.exchange(token.value, f"{number % 5:064x}", name="web1", environment="prod").repeated

    said = at_once(15, exchange)
    refused = [outcome for outcome in said if isinstance(outcome, EnrolmentError)]
    granted = [outcome for outcome in said if isinstance(outcome, bool)]
    assert len(refused) == 15 - 3 * uses
    assert sorted(granted) == [False] * uses + [True] * 2 * uses


def test_a_server_that_is_not_there_is_explained():
    with pytest.raises(StoreError, match="refused") as caught:
        Store.open("postgresql+psycopg://fleet:gehe1m@/fleet?host=/nowhere")
    assert "server runs" in caught.value.hint
    assert "gehe1m" not in f"{caught.value} {caught.value.where}"


def test_host_keys_are_seen_approved_and_pinned(store, tmp_path):
    now = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    given = {"port": 22, "algorithm": "ssh-ed25519", "bits": 256, "state": "new", "public_key": "ssh-ed25519 AAAA"}
    seen = [
        host_keys.SeenKey(host=f"h{n}", name=f"h{n}", fingerprint=f"SHA256:{n}", certificate={"a": [1]}, **given)
        for n in range(5)
    ]

    def see(_):
        with store.transaction() as connection:
            host_keys.record_seen(connection, seen, now)

    assert at_once(4, see) == [None] * 4
    with store.reading() as connection:
        found = host_keys.find(connection, hosts={"h1", "h2"}, statuses=("pending",))
    assert [(key.host, key.certificate, key.first_seen_at) for key in found] == [
        ("h1", {"a": [1]}, now),
        ("h2", {"a": [1]}, now),
    ]

    def approve(_):
        with store.transaction() as connection:
            return host_keys.approve(connection, found[0], at=now, by="ops", because="word")

    assert sorted(at_once(4, approve)) == [False, False, False, True]
    with store.transaction() as connection:
        assert host_keys.pin(connection, found[0], to="store", at=now, by="ops")
        assert not host_keys.pin(connection, found[1], to="store", at=now, by="ops")
    # A controller that did not pin it has it too.
    assert write_pinned_hosts(store, tmp_path / "pinned_hosts") == 1
    assert "h1 ssh-ed25519 AAAA pinned 2025-01-02T03:04:05Z by ops\n" in (tmp_path / "pinned_hosts").read_text()
