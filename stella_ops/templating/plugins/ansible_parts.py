"""Further parts of ansible-core that plug-ins of collections ask for: vault, JSON, differences, commands."""

from __future__ import annotations

import difflib
import json
import shlex
import subprocess
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

from stella_ops.origins import VaultedText
from stella_ops.templating.lazy import finalize
from stella_ops.templating.plugins.lookup_base import ScopeTemplar

_SIDES = ("before", "after")


class AnsibleVaultEncryptedUnicode(str):
    """What was encrypted text once; here it is revealed before a plug-in gets it."""

    __slots__ = ()


class VaultHelper:
    """Says what was encrypted: a plug-in gets it revealed."""

    @staticmethod
    def get_ciphertext(value: Any, *, with_tags: bool = False) -> str | None:
        return (value.ciphertext or None) if isinstance(value, VaultedText) else None


class VaultLib:
    """Says what is encrypted."""

    @staticmethod
    def is_encrypted(data: Any) -> bool:
        text = data.encode() if isinstance(data, str) else data
        return isinstance(text, bytes) and text.startswith(b"$ANSIBLE_VAULT")


class AnsibleJSONDecoder(json.JSONDecoder):
    """JSON, without anything special in it."""


class AnsibleJSONEncoder(json.JSONEncoder):
    """JSON, with other values as texts."""

    def __init__(self, *, preprocess_unsafe: bool = False, vault_to_text: bool = False, **options: Any) -> None:
        super().__init__(**options)

    def default(self, o: Any) -> Any:
        found = finalize(o)
        return found if found is not o else str(o)


class Templar(ScopeTemplar):
    """Made by a plug-in of its own accord, with variables and no more."""

    def __init__(self, loader: Any = None, variables: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(getattr(loader, "_scope", None))
        self.available_variables = variables or {}


class CallbackBase:
    """The one thing of it that other plug-ins use: how differences look."""

    _display: ClassVar[Any] = SimpleNamespace(verbosity=0)

    def _get_diff(self, difference: Any) -> str:
        shown = []
        for diff in difference if isinstance(difference, list) else [difference]:
            if "prepared" in diff:
                shown.append(str(diff["prepared"]))
            if "before" in diff and "after" in diff:
                old, new = (f"{name}: {header}" if (header := diff.get(f"{name}_header")) else name for name in _SIDES)
                texts = [self._serialize_diff(v) if isinstance(v, Mapping) else v for v in map(diff.get, _SIDES)]
                found = list(difflib.unified_diff(_lines(texts[0]), _lines(texts[1]), old, new))
                shown.append("".join(found) + "\n" if found else "")
        return "".join(shown)

    def _serialize_diff(self, diff: Any) -> str:
        return json.dumps(finalize(diff), sort_keys=True, indent=4, separators=(",", ": ")) + "\n"


def _lines(value: Any) -> list[str]:
    lines = str(value or "").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines


def run_cmd(cmd: Any, live: bool = False, readsize: int = 10) -> tuple[int, bytes, bytes]:
    """Run a command without a shell: exit status, output, errors."""
    words = cmd if isinstance(cmd, list) else shlex.split(cmd)
    done = subprocess.run(words, capture_output=True, check=False)  # noqa: S603 - the plug-in's words
    return done.returncode, done.stdout, done.stderr


def split_args(args: str) -> list[str]:
    """A text at its spaces, those inside quotes and braces apart."""
    parts: list[str] = []
    depth, quote, word = 0, "", ""
    for at, char in enumerate(args):
        if quote:
            quote = "" if char == quote and args[at - 1 : at] != "\\" else quote
        elif char in "\"'":
            quote = char
        elif args.startswith(("{{", "{%"), at):
            depth += 1
        elif at and args.startswith(("}}", "%}"), at - 1):
            depth -= 1
        if char.isspace() and not quote and depth <= 0:
            parts += [word] if word else []
            word = ""
        else:
            word += char
    return [*parts, word] if word else parts
