"""Hosts behind a slow link get source alone, and do the same with it."""

from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.lab.fault_proxy import FaultProxy
from stella_ops.transport import ssh
from stella_ops.transport.base import ModuleCall

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]


async def test_a_far_host_is_sent_a_third_and_answers_alike(
    sshd: Make, pool: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = sshd()
    answers, sent = [], []
    for near in (True, False):
        monkeypatch.setattr(ssh, "is_near", lambda connection, near=near: near)
        async with FaultProxy(server.address, server.port) as proxy:
            args = server.known_hosts() + f" -o HostKeyAlias=[{server.address}]:{server.port}"
            spec = server.spec(address="127.0.0.1", port=proxy.port, common_args=args)
            sessions = pool()
            answers.append(await sessions.session(spec).call(ModuleCall(module="ping", args={"data": "there"})))
            await sessions.close()
            sent.append(proxy.carried["up"])
    assert answers[0] == answers[1] and answers[0]["ping"] == "there"
    assert sent[1] < 0.5 * sent[0]
