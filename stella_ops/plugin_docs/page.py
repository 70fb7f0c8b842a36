"""A page of documentation, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stella_ops.plugin_docs.look import Look, fill
from stella_ops.plugin_docs.markup import link, render
from stella_ops.plugin_docs.options import UNTOLD, UnfitDocumentation, added_in, describe, dump, indented

_INDENT = " " * 8
_NO_PLUGIN = ("module", "role")


def page(told: Mapping[str, Any], kind: str, look: Look) -> str:
    """The page of a module or plug-in.

    Args:
        told: ``doc``, ``examples``, ``return`` and ``metadata``.
        kind: module, filter, become …

    Raises:
        UnfitDocumentation: it has no description, or says something in a form that has no meaning.
    """
    doc = dict(told["doc"])
    doc["metadata"] = told.get("metadata")
    brief = look.verbosity == 0
    lines = [f"> {kind.upper()} {look.bold(doc.pop('plugin_name'))} ({doc.pop('filename') or 'Jinja2'})", ""]
    if "description" not in doc:
        raise UnfitDocumentation("'description'")
    said = doc.pop("description")
    lines += [fill(render(text, look), look.limit, "  ", "  ") for text in (said if isinstance(said, list) else [said])]
    if not brief:
        since = doc.pop("version_added", "historical"), doc.pop("version_added_collection", "ansible-core")
        doc["added_in"] = added_in(*since)
    lines += _deprecated(doc, look)
    if doc.pop("has_action", False):
        lines += ["", look.bold("  * note:") + " This module has a corresponding action plugin."]
    if doc.get("options"):
        lines += ["", f"{look.bold('OPTIONS')} ({'=' if look.plain else 'red'} indicates it is required):"]
        lines += describe(doc.pop("options"), look, _INDENT, brief=brief)
    lines += attributes(doc.pop("attributes", None), look, _INDENT)
    notes = doc.pop("notes", None)
    if notes:
        lines += ["", look.bold("NOTES:"), *(_item(note, look) for note in notes)]
    others = doc.pop("seealso", None)
    if others:
        lines += ["", look.bold("SEE ALSO:"), *(line for other in others for line in _see(other, look))]
    if doc.get("requirements"):
        needs = render(", ".join(doc.pop("requirements")), look)
        lines += ["", f"{look.bold('REQUIREMENTS:')}{fill(needs, look.limit - 16, '  ', _INDENT)}\n"]
    for key in sorted(doc):
        if doc[key] and key not in (*UNTOLD, kind):
            lines += _other(key, doc[key], look)
    examples = told.get("examples")
    if examples:
        lines += ["", look.bold("EXAMPLES:"), examples_text(examples)]
    if told.get("return"):
        lines += ["", look.bold("RETURN VALUES:"), *describe(told["return"], look, _INDENT, returned=True, brief=brief)]
    return "\n".join([*lines, "\n"])


def attributes(said: Mapping[str, Any] | None, look: Look, indent: str) -> list[str]:
    """The lines of the part that tells which modes and platforms something works with."""
    if not said:
        return []
    lines = ["", look.bold("ATTRIBUTES:")]
    for name, about in said.items():
        lines += ["", fill(render(look.underline(f"{name}:"), look), look.limit - 6, indent, indent)]
        lines.append(indented(dump(about), indent, look))
    return lines


def examples_text(examples: Any) -> str:
    """Examples as they are written, or as YAML where they are no text."""
    if isinstance(examples, str):
        return examples.strip()
    import yaml

    text: str = yaml.safe_dump(examples, indent=2, default_flow_style=False)
    return text


def _deprecated(doc: dict[str, Any], look: Look) -> list[str]:
    said = doc.pop("deprecated", None)
    if not said:
        return []
    heading = look.mark(look.bold("DEPRECATED: "), "deprecated")
    if not isinstance(said, Mapping):
        return [heading, str(said)]
    if "why" not in said:
        raise UnfitDocumentation("Invalid deprecation documentation structure.")
    other = said.get("alternatives", said.get("alternative", "none"))
    collection = doc.get("collection")
    if "removed_at_date" in said:
        when = f"Will be removed in a release after {said['removed_at_date']}"
    elif "removed_in" in said or "version" in said:
        when = f"Will be removed in: {collection or 'Ansible'} {said.get('removed_in', said.get('version'))}"
    else:
        raise UnfitDocumentation("Invalid deprecation documentation structure.")
    return [heading, f"\tReason: {said['why']}\n\t{when}\n\tAlternatives: {other}"]


def _item(text: str, look: Look) -> str:
    return fill(render(text, look), look.limit - 6, _INDENT[:-2] + "* ", _INDENT)


def _below(text: str, look: Look, rest: str = _INDENT + "   ") -> str:
    return fill(render(text, look), look.limit - 6, _INDENT + "   ", rest)


def _see(other: Mapping[str, Any], look: Look) -> Iterator[str]:
    """What is said of something else to look at."""
    if "module" in other or ("plugin" in other and "plugin_type" in other):
        name = str(other.get("module") or other["plugin"])
        kind = "module" if "module" in other else str(other["plugin_type"])
        what = kind if kind in _NO_PLUGIN else f"{kind} plugin"
        yield _item(f"{kind.title()}{what.removeprefix(kind)} {name}", look)
        ours = name.startswith("ansible.builtin.")
        said = other.get("description")
        if said is None and ours:
            said = f"The official documentation on the {name} {what}."
        if said is not None:
            yield _below(str(said), look)
        if ours:
            yield _below(link(f"collections/{name.replace('.', '/', 2)}_{kind}.html"), look, _INDENT)
    elif "name" in other and "link" in other and "description" in other:
        yield _item(str(other["name"]), look)
        yield _below(str(other["description"]), look)
        yield _below(str(other["link"]), look)
    elif "ref" in other and "description" in other:
        yield _item(f"Ansible documentation [{other['ref']}]", look)
        yield _below(str(other["description"]), look)
        yield _below(link(f"/#stq={other['ref']}&stp=1"), look)


def _other(key: str, said: Any, look: Look) -> list[str]:
    """What there is no part for: authors and the like."""
    heading = look.bold(key.upper())
    if isinstance(said, str):
        shown = f"{heading}: {fill(render(said, look), look.limit - (len(key) + 2), '', _INDENT)}"
    elif isinstance(said, Sequence):
        shown = f"{heading}: {', '.join(said)}"
    else:
        shown = f"{heading}: {indented(dump(said), ' ' * (len(key) + 2), look)}"
    return ["", shown]
