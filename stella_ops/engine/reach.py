"""How a task reaches its host: the connection and the user to become, worked out once where nothing changes."""

from __future__ import annotations

import dataclasses
from collections import ChainMap
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from stella_ops.engine import connections
from stella_ops.engine.magic import Told
from stella_ops.engine.options import RunOptions
from stella_ops.engine.pending import Pending
from stella_ops.engine.results import is_true
from stella_ops.inventory.connection import CONNECTION_VARIABLES, connection_variables
from stella_ops.playbook.model import Inherited, Task
from stella_ops.playbook.role_variables import role_layers
from stella_ops.templating.omit import OMIT
from stella_ops.templating.scope import is_template
from stella_ops.transport.base import Become, ConnectionSpec

Reached = tuple[ConnectionSpec, Become | None]

_PREFIXES = ("ansible_", "stella_")


class Reach:
    """The connections of one play's hosts.

    A host's connection hangs on some ninety variables through eight layers. They hardly ever change from task
    to task, so what holds no template is kept until a variable that could matter changes.
    """

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self._known: dict[tuple[Any, ...], Reached] = {}
        # With the keywords themselves, so that no others can take their id.
        self._own_names: dict[tuple[int, str, str | None], tuple[Inherited, bool]] = {}

    def of(
        self,
        host: str,
        task: Task,
        variables: Mapping[str, Any],
        render: connections.Render,
        age: Hashable,
        folder: str | None = None,
    ) -> Reached:
        """How a task reaches a host.

        Args:
            variables: of the host, raw or lazily rendered.
            age: tells states of the host's connection variables apart (``HostState.connection_age``), and of those
                that roles add to the whole play's.
            folder: where tasks of a local connection start; None for home.

        Raises:
            InventoryError: a port that is no number.
            TemplateError: a variable that cannot be rendered.
        """
        keywords = task.inherited
        asked = _written(keywords)
        keep = not self._names_connection(task) and not any(_is_dynamic(value) for value in asked)
        key = (host, age, asked, folder)
        if keep and key in self._known:
            return self._known[key]

        def given(value: Any) -> Any:
            rendered = render(value)
            return None if rendered is OMIT else rendered

        own = _connection_variables(variables)
        spec = connections.connection_spec(host, own, keywords, self._options, given)
        become = connections.become(own, keywords, self._options, given, is_true)
        if become is not None and not self._options.become_same_user and connections.is_already(become, spec):
            become = None
        if spec.kind == "local" and folder is not None:
            spec = dataclasses.replace(spec, folder=folder)
        made = spec, become
        if keep and not any(_is_dynamic(value) for value in own.values()):
            self._known[key] = made
        return made

    def _names_connection(self, task: Task) -> bool:
        """Whether variables that not all tasks see could say how to connect: its own, its blocks' and its roles'."""
        # Not by the task: it may be a copy that is gone after it has run. Its keywords are those of what is written.
        key = (id(task.inherited), task.loop_var, task.register)
        found = self._own_names.get(key)
        if found is None:
            names: Iterable[Any] = (name for level in task.inherited.vars for name in level)
            named = any(str(name).startswith(_PREFIXES) for name in (task.loop_var, task.register, *names))
            named = named or not CONNECTION_VARIABLES.isdisjoint(_names_of_roles(task.inherited))
            found = self._own_names[key] = task.inherited, named
        return found[1]


def _names_of_roles(keywords: Inherited) -> Iterator[str]:
    """The variables that a task sees for the role it stands in, and for the includes that led to it."""
    yield from (name for params in keywords.params for name in params)
    if keywords.role is not None:
        layers = role_layers(keywords.role)
        yield from (name for kind in (layers.params, layers.vars, layers.defaults) for layer in kind for name in layer)


def _connection_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """What variables say of the connection, as written; asked layer by layer, since most names are in none."""
    raw = getattr(getattr(variables, "scope", None), "variables", variables)
    found: dict[str, Any] = {}
    for layer in reversed(raw.maps if isinstance(raw, ChainMap) else [raw]):
        if isinstance(layer, Pending | Told):
            continue  # nothing that is pending may say how to connect: see Traits
        for name in CONNECTION_VARIABLES.intersection(layer):
            found[name] = layer[name]
    return connection_variables(found)


def _written(keywords: Inherited) -> tuple[Any, ...]:
    return (
        keywords.connection,
        keywords.port,
        keywords.remote_user,
        keywords.become,
        keywords.become_user,
        keywords.become_method,
        keywords.become_exe,
        keywords.become_flags,
    )


def _is_dynamic(value: Any) -> bool:
    if isinstance(value, list):
        return any(_is_dynamic(item) for item in value)
    return (isinstance(value, str) and is_template(value)) or isinstance(value, dict)
