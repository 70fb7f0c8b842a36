"""The exceptions that users' plug-ins raise; each is told to the operator as what the plug-in says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stella_ops.errors import StellaError


class AnsibleError(Exception):
    """Something is wrong; its message goes on with those of what caused it."""

    def __init__(
        self, message: Any = "", obj: Any = None, show_content: bool = True, suppress_extended_error: Any = None,
        orig_exc: BaseException | None = None, **more: Any,
    ) -> None:  # fmt: skip
        self._message = "" if message is None else str(message)
        self._message = self._message or f"Unexpected {type(self).__name__} error."
        super().__init__(self._message)
        self.obj = obj
        self.orig_exc = orig_exc
        if orig_exc is not None:
            self.__cause__ = orig_exc

    @property
    def message(self) -> str:
        """What it says, and what its causes do."""
        return chained(self)

    @message.setter
    def message(self, value: str) -> None:
        self._message = value

    def __str__(self) -> str:
        return self.message


def chained(problem: BaseException) -> str:
    """The messages of an exception and of those that it was raised from, each behind the one that it caused."""
    said: list[str] = []
    cause: BaseException | None = problem
    while cause is not None and len(said) < _LONGEST_CHAIN:
        said.append(_own_words(cause).strip())
        # An error of ours tells all that there is to tell.
        cause = None if isinstance(cause, StellaError) else cause.__cause__
    message = said.pop()
    for text in reversed(said):
        message = text if text.endswith(message) else f"{text.rstrip('. ')}: {message}"
    return message


def _own_words(problem: BaseException) -> str:
    if isinstance(problem, AnsibleError):
        return problem._message
    return problem.message if isinstance(problem, StellaError) else str(problem)


# More belongs to no message; and a chain may be a circle.
_LONGEST_CHAIN = 10


class AnsibleOptionsError(AnsibleError):
    """Bad options."""


class AnsibleRequiredOptionError(AnsibleOptionsError):
    """An option is missing."""


class AnsibleUndefinedConfigEntry(AnsibleError):
    """There is no such setting."""


class AnsibleParserError(AnsibleError):
    """Something cannot be read."""


class AnsibleRuntimeError(AnsibleError):
    """Something fails while it runs."""


class AnsibleFileNotFound(AnsibleRuntimeError):
    """A file is missing on the controller."""

    def __init__(
        self, message: Any = "", obj: Any = None, show_content: bool = True, suppress_extended_error: Any = None,
        orig_exc: BaseException | None = None, paths: Sequence[str] | None = None, file_name: Any = None, **more: Any,
    ) -> None:  # fmt: skip
        self.file_name, self.paths = file_name, paths
        said = f"{message}\n" if message else ""
        said += f"Could not find or access '{file_name}'" if file_name else "Could not find file"
        if paths and isinstance(paths, list | tuple):
            said += "\nSearched in:\n\t" + "\n\t".join(map(str, paths))
        said += (
            " on the Ansible Controller.\n"
            "If you are using a module and expect the file to exist on the remote, see the remote_src option"
        )
        super().__init__(said, obj=obj, orig_exc=orig_exc)


class AnsibleTemplateError(AnsibleRuntimeError):
    """A template is wrong."""


class AnsibleTemplatePluginError(AnsibleTemplateError):
    """A plug-in of templates fails."""


class AnsibleFilterError(AnsibleTemplatePluginError):
    """A filter fails."""


class AnsibleLookupError(AnsibleTemplatePluginError):
    """A lookup fails."""


class AnsibleTypeError(AnsibleTemplatePluginError, TypeError):
    """A value is of another type."""


class AnsibleFilterTypeError(AnsibleTypeError):
    """A filter gets a value of another type."""


class AnsibleUndefinedVariable(AnsibleTemplateError):
    """A variable is missing."""


class AnsibleValueOmittedError(AnsibleTemplateError):
    """A template whose value is needed says ``omit``."""

    def __init__(self, message: Any = "A template was resolved to an Omit scalar.", **more: Any) -> None:
        super().__init__(message, **more)


class AnsibleAssertionError(AnsibleError, AssertionError):
    """Something that should hold does not."""


class AnsibleInternalError(AnsibleError):
    """A mistake in the program."""


class AnsiblePluginError(AnsibleError):
    """A plug-in fails."""


class AnsibleUnicodeError(AnsibleError):
    """A text cannot be read."""


class AnsibleActionFail(AnsibleRuntimeError):
    """A task fails."""


class AnsibleConnectionFailure(AnsibleRuntimeError):
    """A host is not reached."""


class AnsiblePluginRemovedError(AnsiblePluginError):
    """A plug-in is gone."""


class AnsiblePluginNotFound(AnsiblePluginError):
    """There is no such plug-in."""


class AnsiblePluginCircularRedirect(AnsiblePluginError):
    """Redirects lead back to where they began."""


class AnsibleCollectionUnsupportedVersionError(AnsiblePluginError):
    """A collection is for another ansible-core."""


class AnsibleVariableTypeError(AnsibleRuntimeError):
    """A variable is of another type."""


class AnsibleAuthenticationFailure(AnsibleConnectionFailure):
    """A password or key is refused."""
