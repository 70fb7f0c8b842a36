from .inner import double  # noqa: F401
