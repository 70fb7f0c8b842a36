"""Round trips and packets that an SSH connection can do without; asyncssh has no options for them.

* The first request of a login asks whether none is needed. With a key in hand, or in the agent, that is not the
  question.
* asyncssh asks for each key whether it would do before it signs with it. A key from a file signs at once: that
  costs us less than a round trip, and sshd holds up the answer to the question on purpose.
* Before each packet asyncssh sends an empty one, which hides what cipher block chaining would tell of the next
  (RFC 4253, section 9.3.1). Counter modes and authenticated ciphers have no such weakness.

No check is given up: the server verifies the same signature, and we the same host key. Where a version of asyncssh
looks different inside, it goes its own way; ``tests/integration/transport/test_round_trips.py`` would tell.
"""

from __future__ import annotations

import functools
from typing import Any

import asyncssh

_MSG_IGNORE = 2
_CHAINED = "cbc"


def skip_question_of_none(connection: Any) -> None:
    """Begin a login with the first key there is. Called when the login begins.

    A refusal tells the other methods as ever; without any key the question comes after all.
    """
    preferred = getattr(connection, "_preferred_auth", None)
    if preferred and b"publickey" not in preferred:
        return
    if getattr(connection, "_auth_methods", None) == [b"none"]:
        connection._auth_methods = [b"publickey", b"none"]


def leave_out_empty_packets(connection: Any) -> None:
    """Send no packet that says nothing, but where the cipher wants it. Called when the connection is made."""
    send = getattr(connection, "send_packet", None)
    if send is None:
        return

    @functools.wraps(send)
    def send_packet(kind: int, *args: bytes, **more: Any) -> None:
        if kind == _MSG_IGNORE and _CHAINED not in str(connection.get_extra_info("send_cipher", _CHAINED)):
            return
        send(kind, *args, **more)

    connection.send_packet = send_packet


def sign_at_once() -> None:
    """Have asyncssh's logins with key files skip the question whether a key would do."""
    try:
        from asyncssh import auth

        asking = auth._ClientPublicKeyAuth
        send_signed, ask = asking._send_signed_request, asking._start
    except (ImportError, AttributeError):
        return
    if getattr(ask, "stella_ops", False):
        return

    async def start(self: Any) -> None:
        self._keypair = await self._conn.public_key_auth_requested()
        if self._keypair is None:
            self._conn.try_next_auth(next_method=True)
        elif _costs_nothing(self._keypair):
            await send_signed(self)
        else:
            await self.send_request(
                asyncssh.packet.Boolean(False),
                asyncssh.packet.String(self._keypair.algorithm),
                asyncssh.packet.String(self._keypair.public_data),
            )

    start.stella_ops = True  # type: ignore[attr-defined]
    asking._start = start  # type: ignore[method-assign]


def _costs_nothing(pair: Any) -> bool:
    """Whether a signature needs neither a person's touch nor another program."""
    return type(pair).__name__ == "SSHLocalKeyPair" and b"sk-" not in pair.algorithm and not pair.use_executor
