"""Every error an operator can meet, in one place.

    StellaError                       exit code  1
    ├── UsageError                               2   the command line asks for something that cannot be
    │   └── OptionsError                         5   options that contradict each other
    ├── ParseError                               4   a file that people write is wrong
    │   ├── InventoryError
    │   ├── PatternError                             a host pattern is malformed or matches nothing
    │   │   └── NoHostsLeftError                 1   --limit leaves no host at all
    │   ├── MissingVariablesError                1   -e names a file that is not there
    │   ├── PlaybookError
    │   │   ├── MissingPlaybookError             1   there is no playbook of that name
    │   │   └── MissingHandlerError              1   a task notified what no handler is
    │   └── SettingsError                            stella.toml, ansible.cfg
    ├── CollectionError                          1   what an installed collection says of itself, or misses
    ├── GalaxyError                              1   a collection or role cannot be built, fetched, installed
    ├── VaultError                               1   encrypted data is damaged, or no password fits
    ├── TemplateError                            1   a template cannot be parsed or rendered
    │   ├── UndefinedVariableError
    │   ├── BrokenTemplateError                  it cannot be parsed, or names a filter or test that there is none of
    │   ├── LoopError                            what a task loops over is no list
    │   ├── PluginError                          a filter, test or lookup fails
    │   └── RaisedByPluginError                  what one of the users' own raised, in its words
    ├── HostError                                    something about one host; never stops the others
    │   ├── UnreachableError                     4   no usable connection to the host
    │   │   ├── HostKeyError                         the host key is unknown or has changed
    │   │   ├── AuthenticationError
    │   │   ├── BecomeError                          the connection is there, the privilege is not
    │   │   └── InterpreterError                     no Python 3.6+ on the host
    │   ├── TaskError                            2   a module or action failed
    │   │   ├── ModuleCrashError                     a module died without an answer
    │   │   └── TaskTimeoutError
    │   └── TunnelError                          2   the host is reached, but no tunnel can be had there
    │       └── TunnelTakenError                     another tunnel has it
    ├── PkiError                                 1   certificate authority, CSR, proof of possession
    ├── EnrolmentError                           1   a bootstrap token or enrolment is refused
    ├── StoreError                               1   the fleet store
    ├── ResumeError                              1   an interrupted run cannot go on
    ├── ReleaseError                             1   an agent package cannot be built or read
    └── LabError                                 1   a lab host cannot be started

Each carries what happened (``message``), where (``where``: "file:line:column", or host and task), what to do
next (``hint``) and, where one exists, a ``runbook``. The command line prints exactly that; a traceback shows
only with ``-vvv``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self


class NotYet(BaseException):
    """What was tried ahead of its turn needs something that is not decided yet: it is to be done in its turn.

    No error, and no ``Exception``: nothing that turns errors into messages may take it for one.
    """


class StellaError(Exception):
    """Base of every error that is meant for an operator.

    Args:
        message: what is wrong, one sentence, no trailing full stop needed.
        where: place as text, usually ``str(Origin)``: ``"site.yml:12:5"``.
        hint: what to do next.
        runbook: URL or path of a page that helps.

    Attributes:
        notes: more that helps to understand it, a sentence each: where the variables of a template were defined.
    """

    exit_code = 1
    notes: tuple[str, ...] = ()

    def __init__(
        self,
        message: str,
        *,
        where: object | None = None,
        hint: str | None = None,
        runbook: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = None if where is None else str(where)
        self.hint = hint
        self.runbook = runbook

    def advice(self) -> str | None:
        """The hint, and the notes behind it."""
        return "; ".join([*([self.hint] if self.hint else []), *self.notes]) or None

    def within(self, said: str) -> Self:
        """A copy that begins with what was being done when it happened."""
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.message = f"{said}: {self.message}"
        made.args = (made.message,)
        return made

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(StellaError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class MissingInputError(UsageError):
    """A file that an option names is not there, or cannot be read."""

    exit_code = 1


class OptionsError(UsageError):
    """Options that contradict each other, where ansible-core has an exit code of its own."""

    exit_code = 5


class ParseError(StellaError):
    """A file that people write is wrong; ``rule`` is the word that ``stella-ops lint`` has for the mistake.

    ``problems`` are all mistakes of the file, itself among them, where there are several.
    """

    exit_code = 4
    rule = "syntax"
    problems: Sequence[ParseError] = ()


class InventoryError(ParseError):
    """An inventory source cannot be read or contradicts itself."""


class PatternError(ParseError):
    """A host pattern is malformed or matches no host."""


class NoHostsLeftError(PatternError):
    """``--limit`` leaves no host of the inventory."""

    exit_code = 1


class PlaybookError(ParseError):
    """A playbook, task file or variable file is wrong."""


class MissingPlaybookError(PlaybookError):
    """The command line names a playbook that is not there."""

    exit_code = 1


class MissingVariablesError(ParseError):
    """The command line names a file of variables that is not there."""

    exit_code = 1


class MissingHandlerError(PlaybookError):
    """A task notified a name that no handler has or listens to."""

    exit_code = 1


class SettingsError(ParseError):
    """``stella.toml`` or ``ansible.cfg`` is wrong."""


class CollectionError(StellaError):
    """An installed collection says that something is gone, or what it says cannot be read."""


class GalaxyError(StellaError):
    """A collection or role cannot be built, fetched, installed or verified."""


class VaultError(StellaError):
    """Encrypted data is damaged, or no vault password fits; readers of files raise their own error in its place."""


class TemplateError(StellaError):
    """A template cannot be parsed or rendered."""


class UndefinedVariableError(TemplateError):
    """A template names a variable that has no value.

    Attributes:
        needed_by: the variables that led there, the one whose template names it first.
    """

    needed_by: tuple[str, ...] = ()

    def __init__(self, message: str, *, name: str, where: object | None = None, hint: str | None = None) -> None:
        super().__init__(message, where=where, hint=hint)
        self.name = name

    def advice(self) -> str | None:
        """The hint, the way to it, and the notes."""
        told = super().advice()
        if not self.needed_by:
            return told
        way = " for ".join(f"'{each}'" for each in self.needed_by)
        return f"it is needed for {way}" + (f"; {told}" if told else "")


class BrokenTemplateError(TemplateError):
    """A template or an expression cannot be parsed, or names a filter or test that there is none of."""


class LoopError(TemplateError):
    """A loop that is none."""


class RaisedByPluginError(TemplateError):
    """What a user's own plug-in raised: its message is told as it is."""


class PluginError(TemplateError):
    """A filter, test or lookup fails; the message says which one."""

    @classmethod
    def of(cls, kind: str, name: str, problem: Exception) -> PluginError:
        """What a plug-in raised, in ansible-core's words; what it says of itself is left out of its own message."""
        said = problem.message if isinstance(problem, StellaError) else str(problem)
        if not isinstance(problem, RaisedByPluginError):
            said = said.removeprefix(f"{kind} ").removeprefix(f"'{name}'").removeprefix(f"{name.rpartition('.')[2]}: ")
            said = said.removeprefix(": ")
        made = cls(f"The {kind} plugin '{name}' failed{f': {said}' if said else '.'}")
        if isinstance(problem, StellaError):
            made.where, made.hint, made.notes = problem.where, problem.hint, problem.notes
        return made


class HostError(StellaError):
    """Something about one host; the other hosts go on."""

    exit_code = 2


class UnreachableError(HostError):
    """No usable connection to the host."""

    exit_code = 4


class HostKeyError(UnreachableError):
    """The host key is unknown, revoked, or not the one on record."""


class AuthenticationError(UnreachableError):
    """The host refused every credential that was offered."""


class BecomeError(UnreachableError):
    """The host is reached, but the other user's privilege is refused."""


class InterpreterError(UnreachableError):
    """The host has no Python that can run the remote runner."""


class TaskError(HostError):
    """A module or action failed on a host."""


class ModuleCrashError(TaskError):
    """A module ended without a result: killed, or its code raised."""


class TaskTimeoutError(TaskError):
    """A module did not end within its time."""


class TunnelError(HostError):
    """The host is reached, but no tunnel can be had there: forbidden, no rights."""

    exit_code = 2


class TunnelTakenError(TunnelError):
    """Another tunnel holds the host's socket, or has taken it over."""


class PkiError(StellaError):
    """The certificate authority, a CSR, or a proof of possession."""


class EnrolmentError(StellaError):
    """A bootstrap token or an enrolment is refused; ``reason`` is a short machine word."""

    def __init__(self, message: str, *, reason: str, where: object | None = None, hint: str | None = None) -> None:
        super().__init__(message, where=where, hint=hint)
        self.reason = reason


class ResumeError(StellaError):
    """An interrupted run cannot go on: the files are other ones, or there is no such run."""


class StoreError(StellaError):
    """The fleet store cannot be opened, migrated or written."""


class ReleaseError(StellaError):
    """An agent package cannot be built or read."""


class LabError(StellaError):
    """A lab host cannot be started."""
