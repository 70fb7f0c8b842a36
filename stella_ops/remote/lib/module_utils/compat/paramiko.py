"""Paramiko, where this Python has it."""

PARAMIKO_IMPORT_ERR = None
try:
    import paramiko
except ImportError as problem:
    paramiko = None  # type: ignore[assignment]
    PARAMIKO_IMPORT_ERR = problem
