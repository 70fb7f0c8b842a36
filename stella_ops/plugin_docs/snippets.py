"""Something to begin with: a task with all options of a module, the file of an inventory, the call of a lookup."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from stella_ops.plugin_docs.look import Look
from stella_ops.plugin_docs.markup import render

KINDS = ("inventory", "lookup", "module")
_PAD = 29


def snippet(name: str, kind: str, doc: Mapping[str, Any], look: Look) -> str:
    """The snippet of a module or plug-in of ``KINDS``.

    Raises:
        ValueError: there is nothing that could be written.
    """
    options = doc.get("options") or {}
    if kind == "inventory" and options.get("plugin"):
        raise ValueError(
            f"The {name} inventory plugin does not take YAML type config source that can be used with the "
            '"auto" plugin so a snippet cannot be created.'
        )
    lines: list[str] = []
    if kind == "lookup":
        lines = _call(doc, options)
    elif "options" in doc:
        lines = _yaml(doc, options, look)
    return "\n".join([*lines, ""])


def _yaml(doc: Mapping[str, Any], options: Mapping[str, Any], look: Look) -> list[str]:
    module = doc.get("module")
    lines = [f"# {doc.get('plugin', doc.get('name'))}:"]
    if module:
        lines = [f"- name: {render(str(doc.get('short_description', '')), look)}", f"  {module}:"]
    for name in sorted(options):
        option = options[name]
        said = option.get("description") or ""
        text = render(said if isinstance(said, str) else " ".join(map(str, said)), look)
        required = _required(option)
        if module:
            text = f"(required) {text}" if required else text
            lines.append(f"      {name + ':':<20}   # {_wrapped(text, look, None)}")
        else:
            default = "(required)" if required else option.get("default", "None")
            lines.append(f"{name}: {default!s:<9} # {_wrapped(text, look, 3)}")
    return lines


def _wrapped(text: str, look: Look, most: int | None) -> str:
    made = []
    begin = ""
    for paragraph in text.split("\n\n"):
        wrapper = textwrap.TextWrapper(
            look.columns - _PAD,
            initial_indent=begin,
            subsequent_indent="# ".rjust(_PAD + 2),
            break_on_hyphens=False,
            break_long_words=False,
            max_lines=most,
        )
        made.append(wrapper.fill(paragraph))
        begin = wrapper.subsequent_indent
    return "\n".join(made)


def _call(doc: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    comments, call = [], f"lookup('{doc.get('plugin', doc.get('name'))}', "
    for name in sorted(options):
        option = options[name]
        comments.append(f"# {name}({option.get('type', 'string')}): {option.get('description', '')}")
        if name in ("_terms", "_raw", "_list"):
            call += f"< {name} >"
            continue
        default = "<REQUIRED>" if _required(option) else option.get("default", "None")
        call += f", {name}='{default}'" if option.get("type") in ("string", "str") else f", {name}={default}"
    return [*comments, *([""] if comments else []), f"{call})"]


def _required(option: Mapping[str, Any]) -> bool:
    required = option.get("required", False)
    if not isinstance(required, bool):
        raise ValueError(f"Incorrect value for 'Required', a boolean is needed: {required}")
    return required
