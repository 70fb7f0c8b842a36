"""One connection: uvicorn's HTTP/1.1 protocol, with the peer's certificate in the scope and with deadlines.

uvicorn tells an application nothing of the TLS session, so it is put in here, in the words of the ASGI TLS extension
(https://asgi.readthedocs.io/en/latest/specs/tls.html), ``scope["extensions"]["tls"]``. And its one timeout is for
connections that lie idle between requests: whoever drips a header, a body, or reads an answer byte by byte may stay
for ever. Here each of these has its time, counted from its beginning.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# Numbers of the TLS protocol versions (RFC 8446, section 4.1.2), which the extension wants.
_VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds that a peer may take; a request's head counts from its first byte, the first from the handshake."""

    head: float = 10.0
    body: float = 30.0
    body_of_known: float = 120.0
    write: float = 60.0


class PeerProtocol(H11Protocol):
    """What a connection speaks. ``deadlines`` and ``on_lost`` are set by whoever makes it."""

    deadlines = Deadlines()
    on_lost: Callable[[], None] | None = None
    known = False

    _phase: tuple[str, int] | None = None
    _reading: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None
    _requests = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        session = transport.get_extra_info("ssl_object")
        if session is not None:
            information = tls_information(session)
            self.known = bool(information["client_cert_chain"])
            inner = self.app

            async def with_tls(scope: Any, receive: Any, send: Any) -> None:
                scope.setdefault("extensions", {})["tls"] = information
                await inner(scope, receive, send)

            self.app = with_tls
        self._expect("head")

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        self._requests += 1
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._writing = self.loop.call_later(self.deadlines.write, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        self._unset_keepalive_if_required()
        if self._writing is not None:
            self._writing.cancel()
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def _look(self) -> None:
        """See what the peer is to send next, and begin to count when that has changed."""
        if self.transport.is_closing():
            self._expect(None)
        elif self.conn.their_state is h11.SEND_BODY:
            self._expect("body")
        elif self.conn.their_state is h11.IDLE and (self.conn.trailing_data[0] or not self._requests):
            self._unset_keepalive_if_required()
            self._expect("head")
        else:
            self._expect(None)
            idle = self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE
            if idle and self.timeout_keep_alive_task is None:
                # The rest of a body came after its answer: uvicorn has stopped the clock for it.
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

    def _expect(self, phase: str | None) -> None:
        wanted = None if phase is None else (phase, self._requests)
        if wanted == self._phase:
            return
        self._phase = wanted
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        if phase is not None:
            limits = self.deadlines
            seconds = limits.head if phase == "head" else limits.body_of_known if self.known else limits.body
            self._reading = self.loop.call_later(seconds, self.transport.abort)


def tls_information(session: ssl.SSLObject) -> dict[str, Any]:
    """A TLS session in the words of the ASGI TLS extension.

    The chain holds the peer's own certificate alone, which the handshake has verified; ``client_cert_der`` is an
    addition of ours.
    """
    der = session.getpeercert(binary_form=True)
    return {
        "server_cert": None,
        "client_cert_chain": [ssl.DER_cert_to_PEM_cert(der)] if der else [],
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(session.version() or ""),
        "cipher_suite": None,
        "client_cert_der": der,
    }
