"""Words in the place of what has no value, where it is shown and not used: ``<< error 1 - 'x' is undefined >>``."""

from __future__ import annotations

from contextvars import ContextVar

from stella_ops.errors import StellaError
from stella_ops.templating.undefined import FailedValue, MissingValue


class Marks:
    """The errors of one rendering, in the order in which they were met."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def error(self, said: str) -> str:
        """What stands in the place of something that failed."""
        self.errors.append(said)
        return f"<< error {len(self.errors)} - {said} >>"

    def of(self, value: MissingValue) -> str:
        """What stands in the place of an undefined value.

        Raises:
            TemplateError: it is not undefined, but cannot be rendered.
        """
        if isinstance(value, FailedValue):
            value.fail()
        return self.error(value._cause.message if value._cause is not None else value.describe())

    def truncated(self, problem: StellaError) -> str:
        """What stands in the place of a template that fails half-way."""
        return self.error(problem.message) + self.error("template potentially truncated")

    def summary(self) -> str | None:
        """What is to be told of them; None where there are none."""
        if not self.errors:
            return None
        count = len(self.errors)
        listed = [f"error {number} - {said}" for number, said in enumerate(self.errors, 1)]
        return f"Encountered {count} template error{'s' if count > 1 else ''}.\n" + "\n".join(listed)


ACTIVE: ContextVar[Marks | None] = ContextVar("marks", default=None)
