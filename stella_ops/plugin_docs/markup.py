"""The markup of documentation, for a terminal: ``C(word)``, ``O(option=value)``, ``L(text, link)`` and the others."""

from __future__ import annotations

import re

from stella_ops.plugin_docs.look import Look

DOCSITE = "https://docs.ansible.com/ansible-core/2.19/"

_ESCAPED = r"\(((?:[^\\)]+|\\.)+)\)"
# In their order: what the first ones leave may be part of what the later ones read.
_WORD = {letter: re.compile(rf"\b{letter}\(([^)]+)\)") for letter in "IBMUC"}
_LINK = re.compile(r"\bL\(([^)]+), *([^)]+)\)")
_PLUGIN = re.compile(r"\bP\(([^#)]+)#([a-z]+)\)")
_REFERENCE = re.compile(r"\bR\(([^)]+), *([^)]+)\)")
_OPTION = re.compile(r"\bO" + _ESCAPED)
_VALUE = re.compile(r"\b[VE]" + _ESCAPED)
_RETURNED = re.compile(r"\bRV" + _ESCAPED)
_LINE = re.compile(r"\bHORIZONTALLINE\b")
_OF_PLUGIN = re.compile(r"([^.]+\.[^.]+\.[^#]+)#([a-z]+):(.*)", re.DOTALL)
_NOTHING_TO_ADD = ("module", "playbook", "role")


def render(text: str, look: Look) -> str:
    """A text with its markup made visible."""
    text = _WORD["I"].sub(lambda found: look.underline(found[1]), text)
    text = _WORD["B"].sub(lambda found: look.strong(found[1]), text)
    text = _WORD["M"].sub(lambda found: look.mark(found[1], "module"), text)
    text = _WORD["U"].sub(lambda found: found[1], text)
    text = _LINK.sub(lambda found: f"{found[1]} <{found[2]}>", text)
    text = _PLUGIN.sub(lambda found: look.mark(f"[{found[1]}]", "plugin"), text)
    text = _REFERENCE.sub(lambda found: look.mark(found[1], "reference"), text)
    text = _WORD["C"].sub(lambda found: look.mark(f"`{found[1]}'", "constant"), text)
    text = _OPTION.sub(_named, text)
    text = _VALUE.sub(lambda found: f"`{_plain(found[1])}'", text)
    text = _RETURNED.sub(_named, text)
    text = _LINE.sub(f"\n{'-' * 13}\n", text)
    text = text.replace(".. seealso::", "See also:").replace(".. note::", look.bold("Note:"))
    text = re.sub(r":\w+?:`", "`", text)
    return re.sub(r"\.\. \w+?::", "", text)


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _named(found: re.Match[str]) -> str:
    """An option or a returned value: ``name``, ``name=value``, ``ns.coll.plugin#kind:entry:name=value``."""
    name, equals, value = _plain(found[1]).partition("=")
    owner = _OF_PLUGIN.match(name)
    kind = ""
    if owner:
        kind, name = owner[2], owner[3]
    else:
        name = name.removeprefix("ignore:")
    entry, colon, inner = name.partition(":")
    shown = f"`{inner if colon else name}{equals}{value}'"
    if not owner:
        return shown
    whose = f"{kind}{'' if kind in _NOTHING_TO_ADD else ' plugin'} {owner[1]}"
    if kind == "role" and colon:
        whose += f", {entry} entrypoint"
    return f"{shown} (of {whose})"


def link(path: str) -> str:
    """The address of a page of ansible-core's documentation."""
    return DOCSITE + path.removeprefix("/")
