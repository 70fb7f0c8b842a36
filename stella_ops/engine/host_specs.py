"""How hosts of an inventory are reached, outside a run: no play, no facts, no task's keywords."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stella_ops.engine import connections
from stella_ops.engine.connections import connection_spec
from stella_ops.engine.options import RunOptions
from stella_ops.engine.results import is_true
from stella_ops.engine.variables import PlayVariables
from stella_ops.inventory.connection import connection_variables
from stella_ops.inventory.model import Inventory
from stella_ops.playbook.model import Inherited
from stella_ops.templating.templar import Templar
from stella_ops.transport.base import Become, ConnectionSpec


class HostSpecs:
    """The connections of an inventory's hosts.

    Args:
        hosts: those that are asked for (``ansible_play_hosts`` of their variables).
    """

    def __init__(self, inventory: Inventory, hosts: list[str], options: RunOptions) -> None:
        self._options = options
        self._templar = Templar()
        self._variables = PlayVariables(
            inventory,
            options,
            self._templar,
            {},
            play_vars={},
            play_name="",
            play_hosts=hosts,
            playbook_dir=Path.cwd(),
            run_id="",
        )
        self._variables.batch = hosts

    def of(self, host: str) -> ConnectionSpec:
        """How a host is reached.

        Raises:
            InventoryError: a port that is no number, or a host key that is no text.
            TemplateError: a variable that cannot be rendered.
        """
        own = connection_variables(self._variables.of(host))
        return connection_spec(host, own, Inherited(), self._options, self._render(host))

    def become(self, host: str) -> Become | None:
        """The user to become there; None for the login user, also where it is that user already.

        Raises:
            TemplateError: a variable that cannot be rendered.
        """
        own = connection_variables(self._variables.of(host))
        found = connections.become(own, Inherited(), self._options, self._render(host), is_true)
        same_too = self._options.become_same_user
        return None if found is None or (not same_too and connections.is_already(found, self.of(host))) else found

    def variable(self, host: str, name: str) -> Any:
        """The rendered value of a host's variable; None where it has none.

        Raises:
            TemplateError: it cannot be rendered.
        """
        return self._render(host)(self._variables.of(host).get(name))

    def _render(self, host: str) -> connections.Render:
        variables = self._variables.of(host)

        def render(value: Any) -> Any:
            return self._templar.render(value, variables)

        return render
