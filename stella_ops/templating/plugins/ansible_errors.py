"""The exceptions that users' plug-ins raise; each is told to the operator as what the plug-in says."""

from __future__ import annotations

from typing import Any


class AnsibleError(Exception):
    """Something is wrong."""

    def __init__(
        self, message: str = "", obj: Any = None, show_content: bool = True, orig_exc: BaseException | None = None,
        **more: Any,
    ) -> None:  # fmt: skip
        super().__init__(str(message))
        self.message = str(message)
        self.obj = obj
        self.orig_exc = orig_exc


class AnsibleOptionsError(AnsibleError):
    """Bad options."""


class AnsibleRequiredOptionError(AnsibleOptionsError):
    """An option is missing."""


class AnsibleParserError(AnsibleError):
    """Something cannot be read."""


class AnsibleFileNotFound(AnsibleError):
    """A file is missing."""


class AnsibleRuntimeError(AnsibleError):
    """Something fails while it runs."""


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
