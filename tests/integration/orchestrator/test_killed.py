"""A server that is killed while agents enrol, again and again; on both stores."""

from __future__ import annotations

import random
import signal
import threading

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from stella_ops.store import agents, certificates, tokens


@pytest.fixture
def server(either_store):
    return either_store.start()


def test_killed_at_any_moment(server, certificate_request):
    """What was answered is there after each restart; what was not is whole or not there, and can be done again."""
    chance = random.Random(5)
    names = iter(range(10_000))
    answered: dict[str, tuple[str, object, dict[str, object]]] = {}
    begun: dict[str, tuple[str, object]] = {}
    for _ in range(6):
        ready, stop = threading.Semaphore(0), threading.Event()

        def enrol_without_end(ready=ready, stop=stop):
            with httpx.Client(
                base_url=f"https://127.0.0.1:{server.port}", verify=server.context(), timeout=20
            ) as client:
                while not stop.is_set():
                    name = f"web{next(names)}"
                    key = ec.generate_private_key(ec.SECP256R1())
                    token = server.mint(name).token
                    begun[name] = (token, key)
                    try:
                        answer = client.post("/v1/enroll", json={"token": token, "csr": certificate_request(key, name)})
                    except httpx.TransportError:
                        return
                    assert answer.status_code == 200, answer.text
                    answered[name] = (token, key, answer.json())
                    ready.release()

        threads = [threading.Thread(target=enrol_without_end) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(chance.randint(2, 10)):
            assert ready.acquire(timeout=60)
        threading.Event().wait(chance.random() * 0.05)
        server.stop(signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
        server.start()
        with server.fleet.store.reading() as connection:
            for name, (token, _, answer) in answered.items():
                held = certificates.of_agent(connection, answer["agent_id"])
                assert [one.chain_pem for one in held] == [answer["chain"]], name
                assert tokens.get(connection, token.split(".")[0]).uses == 1
            for name in begun.keys() - answered.keys():
                agent = agents.find(connection, name, "production")
                held = certificates.of_agent(connection, agent.id)
                uses = tokens.get(connection, begun[name][0].split(".")[0]).uses
                assert len(held) == uses == (agent.enrolled_at is not None), "half done"
    assert len(answered) > 10
    lost = begun.keys() - answered.keys()
    for name, (token, key) in begun.items():
        if name in lost or chance.random() < 0.1:
            again = server.enrol(name, key=key, token=token)
            if name in answered:
                assert again.answer == {**answered[name][2], "repeated": True}
