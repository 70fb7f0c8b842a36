"""A host whose connection plug-in is not ours: tasks that stay on the controller run for it, others are refused."""

from __future__ import annotations

from typing import NoReturn

from stella_ops.errors import InventoryError
from stella_ops.transport.base import Become, ConnectionSpec, Listener, ModuleCall
from stella_ops.transport.traffic import Endpoint, Traffic


class RefusedSession:
    """A ``HostSession`` that nothing can be done with; ``debug``, ``set_fact`` or an include do without.

    Args:
        hint: which connections there are.
    """

    def __init__(self, spec: ConnectionSpec, hint: str) -> None:
        self.spec = spec
        self._hint = hint

    def _refuse(self) -> NoReturn:
        raise InventoryError(
            f"the connection plugin '{self.spec.kind}' is not supported", where=self.spec.name, hint=self._hint
        )

    async def call(self, call: ModuleCall, become: Become | None = None) -> NoReturn:
        self._refuse()

    async def raw(
        self, command: str, become: Become | None = None, timeout: float = 0, live: Listener | None = None
    ) -> NoReturn:
        self._refuse()

    async def hello(self, become: Become | None = None) -> NoReturn:
        self._refuse()

    async def login(self) -> NoReturn:
        self._refuse()

    async def listen(self, path: str, endpoint: Endpoint, traffic: Traffic) -> NoReturn:
        self._refuse()

    async def close(self) -> None:
        """Nothing is open."""
