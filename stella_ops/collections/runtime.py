"""``meta/runtime.yml``: what a collection says of its plug-ins, and which ansible-core it is for.

See "Collection structure" in ansible-core's documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stella_ops.errors import CollectionError


class Removal(NamedTuple):
    """That something goes away, or has gone."""

    text: str = ""
    version: str | None = None
    date: str | None = None

    def sentence(self, collection: str, *, done: bool = False, plugin: tuple[str, str] | None = None) -> str:
        """When, in ansible-core's words, which scripts look for; ``plugin`` is kind and name of what loses it."""
        of = "ansible-core" if collection == "ansible.builtin" else f"collection '{collection}'"
        of = f"from {of}" if plugin is None else f"from {_named(*plugin)} in {of}"
        if done:
            when = f" version {self.version}" if self.version else f" in a release after {self.date}" * bool(self.date)
            return f"This feature was removed {of}{when}."
        if self.version:
            return f"This feature will be removed {of} version {self.version}."
        if self.date:
            return f"This feature will be removed {of} in a release after {self.date}."
        return f"This feature will be removed {of} in a future release."


def _named(kind: str, name: str) -> str:
    return f"{kind} '{name}'" if kind == "module" else f"{kind} plugin '{name}'"


class Routing(NamedTuple):
    """What is said of one plug-in."""

    redirect: str | None = None
    deprecation: Removal | None = None
    tombstone: Removal | None = None
    action_plugin: str | None = None


NOTHING = Routing()


class Runtime(NamedTuple):
    """The whole file.

    Attributes:
        routing: kind of plug-in (as its folder in ``plugins/``), name, what is said.
        groups: of actions, as written.
        imports: full names of Python modules, and those that answer in their place.
    """

    requires: str | None = None
    routing: Mapping[str, Mapping[str, Routing]] = {}
    groups: Mapping[str, list[Any]] = {}
    imports: Mapping[str, str] = {}

    def of(self, kind: str, name: str) -> Routing:
        """What is said of a plug-in."""
        return self.routing.get(kind, {}).get(name, NOTHING)


def read_runtime(folder: Path) -> Runtime:
    """What a collection's ``meta/runtime.yml`` says; nothing where there is none.

    Raises:
        CollectionError: it cannot be read.
    """
    path = folder / "meta" / "runtime.yml"
    loaded = load_plain(path)
    if loaded is None:
        return Runtime()
    routing = {
        str(kind): {str(name): _routing(said) for name, said in _mapping(names).items()}
        for kind, names in _mapping(loaded.get("plugin_routing")).items()
    }
    requires = loaded.get("requires_ansible")
    return Runtime(
        None if requires is None else str(requires),
        routing,
        {str(name): actions for name, actions in _mapping(loaded.get("action_groups")).items() if actions},
        {
            str(name): str(said["redirect"])
            for name, said in _mapping(loaded.get("import_redirection")).items()
            if isinstance(said, Mapping) and said.get("redirect")
        },
    )


def load_plain(path: Path) -> dict[str, Any] | None:
    """The mapping in a YAML or JSON file, as plain data; None where there is no such file.

    Raises:
        CollectionError: it cannot be read, or holds something else.
    """
    import yaml

    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise CollectionError(f"cannot read the file: {problem.strerror}", where=path) from None
    try:
        loaded = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, ValueError) as problem:
        mark = getattr(problem, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise CollectionError(
            f"not valid YAML: {getattr(problem, 'problem', None) or problem}",
            where=place,
            hint="the file belongs to an installed collection: install it again",
        ) from None
    if loaded is not None and not isinstance(loaded, dict):
        raise CollectionError("the file must hold a mapping", where=path)
    return loaded or {}


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _routing(said: Any) -> Routing:
    found = _mapping(said)

    def removal(name: str) -> Removal | None:
        about = found.get(name)
        if not isinstance(about, Mapping):
            return None
        version, date = about.get("removal_version"), about.get("removal_date")
        return Removal(
            str(about.get("warning_text") or "").strip(),
            None if version is None else str(version),
            None if date is None else str(date),
        )

    def text(name: str) -> str | None:
        return str(found[name]) if found.get(name) else None

    return Routing(text("redirect"), removal("deprecation"), removal("tombstone"), text("action_plugin"))
