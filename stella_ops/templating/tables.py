"""The tables in which Jinja2 finds filters and tests: stella-ops' own, those of collections, and the user's.

Collections' are imported when a name is not among the others: most runs need none.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.tests import TESTS as JINJA_TESTS

from stella_ops.collections import Collections, current
from stella_ops.collections.moved import moved_to
from stella_ops.templating.conditions.registry import CONDITIONS
from stella_ops.templating.filters.registry import FILTERS, strict

Plugin = Callable[..., Any]
_PASSED = "jinja_pass_arg"  # Jinja2's mark
_LEGACY = "ansible.legacy."  # built-in ones, and the user's own before them
_BUILTIN = ("ansible.builtin.", _LEGACY)
_NETWORKS = ("ansible.utils.", "ansible.netcommon.")  # where they lived before they moved


class PluginTable(dict[str, Plugin]):
    """Plug-ins by name.

    Args:
        kind: ``filter`` or ``test``.
        own: stella-ops' and Jinja2's.
        more: those of collections, asked for once, when a name is not there.
    """

    def __init__(self, kind: str, own: Mapping[str, Plugin], more: Callable[[], Mapping[str, Plugin]]) -> None:
        super().__init__()
        self.kind = kind
        self._own = own
        self._more = more
        self.reset()

    def reset(self) -> None:
        """Forget what was added."""
        self.clear()
        self.update(self._own)
        self.added: set[str] = set()
        self._whole = False
        self._asked: set[str] = set()
        self._collections: Collections | None = None

    def add(self, plugins: Mapping[str, Plugin]) -> None:
        """Add a user's plug-ins, which come before others of their names."""
        guarded = {name: strict(function, self.kind, name) for name, function in plugins.items()}
        self.update({**guarded, **_qualified(guarded, (_LEGACY,))})
        self.added.update(plugins)

    def _seek(self, name: object) -> bool:
        if not self._whole:
            self._whole = True
            for known, function in self._more().items():
                super().setdefault(known, function)
        return super().__contains__(name)

    def whole(self) -> dict[str, Plugin]:
        """All that is here, with those of collections that are built in."""
        self._seek("")
        return dict(self)

    def _collected(self, name: str) -> None:
        """Take in a plug-in of an installed collection, which comes before ours of that name."""
        if name.startswith(_BUILTIN):
            return
        if self._collections is not current():
            self._collections = current()
            for known in self._asked:
                self.pop(known, None)
            self._asked.clear()
            self._whole = False
        if name in self._asked:
            return
        from stella_ops.templating.plugins.collected import plugin

        found = plugin(self.kind, name)
        self._asked.add(name)
        if isinstance(found, str):
            found = self.get(found)
        if found is not None:
            self[name] = strict(_or_ours(found, self._more().get(name)), self.kind, name)

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str) and "." in name:
            self._collected(name)
        return super().__contains__(name) or self._seek(name) or self._moved(name)

    def _moved(self, name: object) -> bool:
        """Whether a name of ansible-core stands for a plug-in that a collection has now, which is taken in."""
        full = moved_to(self.kind, name) if isinstance(name, str) else None
        if full is None or full not in self:
            return False
        if str(name).startswith(_BUILTIN) and full.startswith(_NETWORKS):
            return False  # ansible.netcommon has let go of them: of those names only the short ones are ours
        self[str(name)] = self[full]
        self._asked.add(str(name))
        return True

    def __getitem__(self, name: str) -> Plugin:
        if "." in name:
            self._collected(name)
        if not super().__contains__(name) and not self._seek(name):
            self._moved(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 - dict.get would not look further


def _or_ours(function: Plugin, ours: Plugin | None) -> Plugin:
    """A plug-in of a collection, and in its place ours where it needs a library that is not installed."""
    passed, wanted = getattr(function, _PASSED, None), getattr(ours, _PASSED, None)
    if ours is None or wanted not in (None, passed):
        return function
    surplus = 1 if passed is not None and wanted is None else 0
    from stella_ops.templating.plugins.loading import MissingLibrary

    @functools.wraps(function)  # keeps Jinja2's mark
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except MissingLibrary:
            return ours(*args[surplus:], **options)

    return call


def _qualified(plugins: Mapping[str, Plugin], prefixes: Iterable[str]) -> dict[str, Plugin]:
    return {prefix + name: function for prefix in prefixes for name, function in plugins.items()}


def _collected(kind: str, *parts: tuple[Mapping[str, Plugin], tuple[str, ...]]) -> dict[str, Plugin]:
    """Plug-ins under their full names, and under short ones, those of the first where names are the same."""
    found: dict[str, Plugin] = {}
    for plugins, prefixes in parts:
        guarded = {name: strict(function, kind, prefixes[0] + name) for name, function in plugins.items()}
        for name, function in {**guarded, **_qualified(guarded, prefixes)}.items():
            found.setdefault(name, function)
    return found


def _filters_of_collections() -> dict[str, Plugin]:
    from stella_ops.templating.filters import data_paths, formats, records, time_units
    from stella_ops.templating.filters.networks import arithmetic, hardware, queries

    networks = {**queries.FILTERS, **arithmetic.FILTERS, **hardware.FILTERS}
    community = {**formats.COMMUNITY, **records.COMMUNITY, **time_units.COMMUNITY, **hardware.COMMUNITY}
    utils = {**data_paths.UTILS, **records.UTILS}
    return _collected(
        "filter", (networks, _NETWORKS), (community, ("community.general.",)), (utils, ("ansible.utils.",))
    )


def _tests_of_collections() -> dict[str, Plugin]:
    from stella_ops.templating.conditions import networks
    from stella_ops.templating.filters.data_paths import validate

    utils = {**networks.UTILS, "validate": lambda *args, **options: not validate(*args, **options)}
    return _collected("test", (utils, ("ansible.utils.",)))


def _guarded(kind: str, plugins: Mapping[str, Any]) -> dict[str, Plugin]:
    return {name: strict(function, kind, _BUILTIN[0] + name) for name, function in plugins.items()}


@functools.cache
def filters() -> PluginTable:
    """The filters, made once."""
    own: dict[str, Plugin] = {**_guarded("filter", JINJA_FILTERS), **FILTERS}
    return PluginTable("filter", {**own, **_qualified(own, _BUILTIN)}, _filters_of_collections)


@functools.cache
def tests() -> PluginTable:
    """The tests (``is …``), made once."""
    own: dict[str, Plugin] = {**_guarded("test", JINJA_TESTS), **CONDITIONS}
    return PluginTable("test", {**own, **_qualified(own, _BUILTIN)}, _tests_of_collections)
