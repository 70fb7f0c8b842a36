"""Values with a memory: each knows the file, line and column it was written at.

What people write (playbooks, inventories, variable files) is read by ``source_files.py``; strings come out as
``SourceText``, mappings as ``SourceMapping`` and lists as ``SourceList``. All three behave like the plain types. What
is tagged ``!vault`` is a ``SourceVault``, decrypted when it is used.

The type is also the mark of trust. Only a ``SourceText`` is ever rendered as a template: it was written by
the operator. A plain ``str`` (a fact, a registered result, the outcome of a rendering, a scalar tagged
``!unsafe``) is data and passes through templating untouched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from stella_ops.errors import TemplateError, VaultError


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a source: ``line`` and ``column`` count from 1; 0 means the source as a whole."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.source
        return f"{self.source}:{self.line}:{self.column}" if self.column else f"{self.source}:{self.line}"


class SourceText(str):
    """A string that an operator wrote, and may therefore be a template."""

    __slots__ = ("origin",)
    origin: Origin

    def __new__(cls, text: str, origin: Origin) -> SourceText:
        made = super().__new__(cls, text)
        made.origin = origin
        return made

    def __getnewargs__(self) -> tuple[str, Origin]:  # type: ignore[override]
        return str.__str__(self), self.origin


class VaultedText(str):
    """What was encrypted, as templates see it: data, never a template; ``ciphertext`` is what it was, if a value."""

    __slots__ = ("ciphertext",)
    ciphertext: str

    def __new__(cls, text: str, ciphertext: str = "") -> VaultedText:
        made = super().__new__(cls, text)
        made.ciphertext = ciphertext
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return str.__str__(self), self.ciphertext


class SourceVault:
    """A text that an operator wrote encrypted.

    It knows the keyring that was in use when it was read; nothing but ``reveal`` shows the plaintext.
    """

    __slots__ = ("_keyring", "_plain", "ciphertext", "origin")

    def __init__(self, ciphertext: str, origin: Origin) -> None:
        from stella_ops.vault.keyring import current

        self.ciphertext = ciphertext
        self.origin = origin
        self._keyring = current()
        self._plain: VaultedText | None = None

    def __repr__(self) -> str:
        return f"<encrypted at {self.origin}>"

    def __eq__(self, other: object) -> bool:
        return self.ciphertext == other.ciphertext if isinstance(other, SourceVault) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.ciphertext)

    def __copy__(self) -> SourceVault:
        return self

    def __deepcopy__(self, memo: Any) -> SourceVault:
        return self

    def reveal(self) -> VaultedText:
        """The plaintext, decrypted at the first call.

        Raises:
            TemplateError: the data is damaged, no password fits, or it is no text.
        """
        if self._plain is None:
            try:
                plain = self._keyring.decrypt(self.ciphertext, self.origin).decode("utf-8")
                self._plain = VaultedText(plain, self.ciphertext)
                self._keyring.revealed.append(self._plain)
            except VaultError as problem:
                raise TemplateError(problem.message, where=self.origin, hint=problem.hint) from None
            except UnicodeDecodeError:
                raise TemplateError("what is encrypted here is not UTF-8 text", where=self.origin) from None
        return self._plain


class SourceMapping(dict[Any, Any]):
    """A mapping with its own origin and that of each key."""

    __slots__ = ("key_origins", "origin")

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.origin = origin
        self.key_origins: dict[Any, Origin] = {}


class SourceList(list[Any]):
    """A list with its origin."""

    __slots__ = ("origin",)

    def __init__(self, origin: Origin, items: Iterable[Any] = ()) -> None:
        super().__init__(items)
        self.origin = origin


def origin_of(value: Any, default: Origin | None = None) -> Origin | None:
    """The place a value was written at, if it came from a source."""
    return getattr(value, "origin", default)


def key_origin(mapping: Any, key: Any, default: Origin | None = None) -> Origin | None:
    """The place a key of a mapping was written at; the mapping's own place if the key has none."""
    origins = getattr(mapping, "key_origins", None)
    if origins and key in origins:
        found: Origin = origins[key]
        return found
    return origin_of(mapping, default)
