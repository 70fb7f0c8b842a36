"""Expressions of ``constructed`` inventory sources, evaluated as those of playbooks are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stella_ops.errors import TemplateError
from stella_ops.origins import Origin, SourceText, origin_of

if TYPE_CHECKING:
    from stella_ops.templating.templar import Templar


class TemplarExpressions:
    """See ``stella_ops.inventory.plugin_source.Expressions``; Jinja2 is imported with the first expression."""

    def __init__(self) -> None:
        self._made: Templar | None = None

    def value(self, text: Any, variables: Mapping[str, Any]) -> Any:
        """What an expression, written without braces, comes to."""
        if not isinstance(text, str):
            return text
        where = origin_of(text) or Origin("constructed")
        return self._templar.render(SourceText("{{ " + text + " }}", where), variables)

    def holds(self, text: Any, variables: Mapping[str, Any]) -> bool:
        """Whether a condition is true; what comes to anything but true or false is an error."""
        found = self.value(text, variables)
        if not isinstance(found, bool):
            raise TemplateError(f"the condition comes to {type(found).__name__}, not to true or false")
        return found

    def text(self, text: Any, variables: Mapping[str, Any]) -> Any:
        """A template, rendered."""
        return self._templar.render(text, variables)

    @property
    def _templar(self) -> Templar:
        if self._made is None:
            from stella_ops.templating.templar import Templar

            self._made = Templar()
        return self._made
