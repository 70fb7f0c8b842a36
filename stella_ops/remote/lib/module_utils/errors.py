"""What can be wrong with a module's parameters."""


class AnsibleFallbackNotFound(Exception):
    """A fallback has no value to offer."""


class AnsibleValidationError(Exception):
    """One thing that is wrong."""

    def __init__(self, message):
        super().__init__(message)
        self.error_message = message

    @property
    def msg(self):
        return self.args[0]


class AnsibleValidationErrorMultiple(AnsibleValidationError):
    """All that is wrong."""

    def __init__(self, errors=None):
        self.errors = errors[:] if errors else []

    def __getitem__(self, key):
        return self.errors[key]

    def __setitem__(self, key, value):
        self.errors[key] = value

    def __delitem__(self, key):
        del self.errors[key]

    @property
    def msg(self):
        return self.errors[0].args[0]

    @property
    def messages(self):
        return [error.msg for error in self.errors]

    def append(self, error):
        self.errors.append(error)

    def extend(self, errors):
        self.errors.extend(errors)


class AliasError(AnsibleValidationError):
    """An alias in a specification is wrong."""


class ArgumentTypeError(AnsibleValidationError):
    """A value is of another type."""


class ArgumentValueError(AnsibleValidationError):
    """A value is none of the choices."""


class DeprecationError(AnsibleValidationError):
    """Deprecations cannot be worked out."""


class ElementError(AnsibleValidationError):
    """An element of a list is of another type."""


class MutuallyExclusiveError(AnsibleValidationError):
    """Parameters that exclude each other."""


class NoLogError(AnsibleValidationError):
    """Secrets cannot be worked out."""


class RequiredByError(AnsibleValidationError):
    """A parameter needs another."""


class RequiredDefaultError(AnsibleValidationError):
    """A required parameter has a default."""


class RequiredError(AnsibleValidationError):
    """A required parameter is missing."""


class RequiredIfError(AnsibleValidationError):
    """A value of one parameter needs others."""


class RequiredOneOfError(AnsibleValidationError):
    """One of several is needed."""


class RequiredTogetherError(AnsibleValidationError):
    """Some go together only."""


class SubParameterTypeError(AnsibleValidationError):
    """A parameter with options is no mapping."""


class UnsupportedError(AnsibleValidationError):
    """A parameter that is not known."""
