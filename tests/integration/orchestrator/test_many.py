"""Many agents at once, and one token for many keys; on both stores."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from stella_ops.store import agents, certificates, tokens

AGENTS = 200
KEYS = 100


@pytest.fixture
def server(either_store):
    return either_store.start()


def exchange_all(server, asked):
    """Send all these exchanges at the same moment, each on its own connection; the answers, in order."""

    async def run():
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        base = f"https://127.0.0.1:{server.port}"
        async with httpx.AsyncClient(base_url=base, verify=server.context(), timeout=100, limits=limits) as client:
            posts = [client.post("/v1/enroll", json=body) for body in asked]
            return await asyncio.gather(*posts, return_exceptions=True)

    return asyncio.run(run())


def leaf_of(chain):
    return x509.load_pem_x509_certificates(chain.encode())[0]


def test_many_agents_enrol_at_once(server, certificate_request):
    names = [f"web{number}" for number in range(AGENTS)]
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in names]
    asked = [
        {"token": server.mint(name).token, "csr": certificate_request(key, name)}
        for name, key in zip(names, keys, strict=True)
    ]
    answers = exchange_all(server, asked)
    statuses = Counter(getattr(answer, "status_code", repr(answer)) for answer in answers)
    assert statuses == {200: AGENTS}
    for name, key, answer in zip(names, keys, answers, strict=True):
        assert answer.json()["name"] == name
        assert leaf_of(answer.json()["chain"]).public_key() == key.public_key()
    with server.fleet.store.reading() as connection:
        for name in names:
            agent = agents.find(connection, name, "production")
            assert len(certificates.of_agent(connection, agent.id)) == 1
    text = server.client().get("/metrics").text
    assert f'stella_agent_bootstrap_success_total{{environment="production"}} {AGENTS}.0' in text


def test_one_token_and_many_keys(server, certificate_request):
    pending = server.mint("web1")
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(KEYS)]
    answers = exchange_all(server, [{"token": pending.token, "csr": certificate_request(key, "web1")} for key in keys])
    statuses = Counter(getattr(answer, "status_code", repr(answer)) for answer in answers)
    assert statuses == {200: 1, 403: KEYS - 1}
    winner = next(number for number, answer in enumerate(answers) if answer.status_code == 200)
    with server.fleet.store.reading() as connection:
        held = certificates.of_agent(connection, pending.agent_id)
        assert len(held) == 1
        assert tokens.get(connection, pending.token.split(".")[0]).uses == 1
    assert leaf_of(answers[winner].json()["chain"]).public_key() == keys[winner].public_key()
