"""What goes wrong in a way that the controller is told about."""


class Problem(Exception):
    """A refusal: ``code`` is a short machine word, ``hint`` what to do next, ``more`` is further data."""

    def __init__(self, code, message, hint=None, **more):
        Exception.__init__(self, message)
        self.code = code
        self.message = message
        self.hint = hint
        self.more = more

    def as_dict(self):
        """The ``error`` member of an rpc response."""
        return dict(self.more, code=self.code, message=self.message, hint=self.hint)
