"""What our own code cannot do for a plug-in, raised as what plug-ins written for ansible-core catch.

Each is an error of both trees: a plug-in finds the class and the message that it knows; and what it lets through
still has the place and the hint for the operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stella_ops.errors import StellaError, TemplateError, UndefinedVariableError
from stella_ops.templating.plugins.ansible_errors import (
    AnsibleError,
    AnsibleOptionsError,
    AnsibleTemplateError,
    AnsibleUndefinedVariable,
)


class _OfBoth(TemplateError):
    """The attributes of the one, the words of the other."""

    def __str__(self) -> str:
        return self.message


class TemplateFailed(_OfBoth, AnsibleTemplateError):
    """A template that a plug-in has rendered fails."""


class VariableMissing(_OfBoth, AnsibleUndefinedVariable):
    """It names what there is not."""


class LookupFailed(_OfBoth, AnsibleError):
    """A lookup that a plug-in runs fails."""


class OptionWrong(_OfBoth, AnsibleOptionsError):
    """A plug-in lacks an option, or is given what cannot be one."""


@contextmanager
def told_to_plugin(kind: type[_OfBoth] = TemplateFailed) -> Iterator[None]:
    """What our own code cannot do in here is raised as an error that a plug-in may catch.

    Args:
        kind: of the error, where no variable is missing.
    """
    try:
        yield
    except _OfBoth:
        raise
    except StellaError as problem:
        made = (VariableMissing if isinstance(problem, UndefinedVariableError) else kind)(
            problem.message, where=problem.where, hint=problem.advice(), runbook=problem.runbook
        )
        raise made from problem
