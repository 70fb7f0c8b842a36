"""The parts of a page that tell of options and of returned values, one within the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stella_ops.plugin_docs.look import Look, fill
from stella_ops.plugin_docs.markup import render

_INNER = ("options", "suboptions", "contains", "spec")
_PLACES = ("env", "ini", "yaml", "vars", "keyword")
# What is told elsewhere on the page, or is of no use to a reader.
UNTOLD = (
    *("module", "docuri", "version_added", "version_added_collection", "short_description", "now_date"),
    *("plainexamples", "returndocs", "collection", "plugin_name"),
)


class UnfitDocumentation(ValueError):
    """Documentation that says something in a form that has no meaning."""


def dump(value: Any, *, flow: bool = False) -> str:
    """A value as YAML."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(value, Dumper=dumper, default_flow_style=flow)
    return text.rstrip("\n").removesuffix("\n...")


def indented(text: str, indent: str, look: Look) -> str:
    """A text with every line moved to the right."""
    return render("\n".join(indent + line for line in text.split("\n")), look)


def added_in(version: Any, collection: str | None) -> str:
    """Since when there is something."""
    if collection == "ansible.builtin":
        if version == "historical":
            return "historical"
        collection = "ansible-core"
    return f"version {version} of {collection}" if collection else f"version {version}"


def describe(
    fields: Mapping[str, Any], look: Look, indent: str, *, returned: bool = False, base: str = "", brief: bool = False
) -> list[str]:
    """The lines about options, or returned values.

    Args:
        indent: before what is said of each, besides its description.
        base: before each name.
        returned: they are values, which have no defaults.
        brief: without telling since when there are those of the outermost level.

    Raises:
        UnfitDocumentation: something has no description, or one that is no text.
    """
    lines: list[str] = []
    for name in sorted(fields):
        about = dict(fields[name])
        required = about.pop("required", False)
        if not isinstance(required, bool):
            raise UnfitDocumentation(f"Incorrect value for 'Required', a boolean is needed.: {required}")
        lines += ["", *_description(name, about, look, indent, base, required)]
        inner = [(key, about.pop(key)) for key in _INNER if key in about]
        if not (required or returned or "default" in about):
            about["default"] = None
        lines += _places(about, look, indent)
        version, collection = about.pop("version_added", None), about.pop("version_added_collection", None)
        for key in sorted(each for each in about if not each.startswith("_")):
            value = about[key]
            if isinstance(value, Sequence) and not isinstance(value, str):
                lines.append(indented(f"{key}: {dump(value, flow=True)}", indent, look))
            else:
                lines.append(indented(dump({key: value}), indent, look))
        if version and not brief:
            lines.append(f"{indent}added in: {added_in(version, collection)}")
        for key, more in inner:
            lines += [f"{indent}{key}:", *describe(more, look, indent + "  ", returned=returned, base=indent)]
    return lines


def _description(name: str, about: dict[str, Any], look: Look, indent: str, base: str, required: bool) -> list[str]:
    if "description" not in about:
        raise UnfitDocumentation("All (sub-)options and return values must have a 'description' field")
    said = about.pop("description")
    sign = ("=" if required else "-") if look.plain else "  "
    shown = look.color(look.bold(name), "red") if required else look.color(name, "yellow")
    key = f"{base}{sign} {shown}"
    gap = " " * max(len(indent) - len(name) - len(base), 2)
    taken = base + " " * (len(name) + 3)
    rest = gap + taken
    if isinstance(said, str):
        return [key + fill(render(said, look), look.limit, gap, rest, len(taken))]
    if not isinstance(said, Sequence):
        raise UnfitDocumentation(f"Expected string in description of {name}, got {type(said)}")
    lines = []
    for number, text in enumerate(said, 1):
        if not isinstance(text, str):
            raise UnfitDocumentation(f"Expected string in description of {name} at index {number}, got {type(text)}")
        if number == 1:
            lines.append(key + fill(render(text, look), look.limit, gap, rest, len(taken)))
        else:
            lines.append(fill(render(text, look), look.limit, rest, rest))
    return lines


def _places(about: dict[str, Any], look: Look, indent: str) -> list[str]:
    """Where an option may be set besides a task; taken out of what is said of it."""
    found: dict[str, Any] = {}
    for kind in _PLACES:
        if about.get(kind):
            found[kind] = [_place(item, look) for item in about.pop(kind)]
    if about.get("cli"):
        found["cli"] = [
            item if "option" in item else {"name": item["name"], "option": f"--{item['name'].replace('_', '-')}"}
            for item in about.pop("cli")
        ]
    return [indented(dump({"set_via": found}), indent, look)] if found else []


def _place(item: Mapping[str, Any], look: Look) -> dict[str, Any]:
    made = {key: value for key, value in item.items() if key not in UNTOLD}
    if look.verbosity > 0 and "version_added" in item:
        made["added_in"] = added_in(item["version_added"], "ansible-core")
    return made
