"""Why a runner did not start, from what sudo and the like and interpreters said on standard error."""

from __future__ import annotations

from stella_ops.errors import BecomeError, InterpreterError
from stella_ops.transport.base import Become
from stella_ops.transport.become import METHODS, method_name
from stella_ops.transport.launch import INTERPRETERS

# What the programs say, in any part of a line, and what helps. Other lines around it say less.
_MISSING = ("a password is required", "a terminal is required", "authentication required", "no password given")
_INCORRECT = (
    *("is wrong", "incorrect password", "try again", "password incorrect"),
    *("authentication failure", "authentication failed", "authorization failed"),
)
_PASSWORDS = {_MISSING: "Missing", _INCORRECT: "Incorrect"}
_SAYS = (
    (_MISSING, "give the password with -K, or set ansible_become_password"),
    (_INCORRECT, "check the become password (-K or ansible_become_password)"),
    (("unknown user", "unable to initialize policy", "does not exist"), "check become_user"),
    (("not in the sudoers", "may not run", "not allowed"), "check the host's sudoers for the login user"),
    (("operation not permitted", "is not enabled"), "check the host's {rules} for the login user"),
    (
        ("account is currently not available", "nologin"),
        "the user has no login shell; name one in become_flags: -s /bin/sh",
    ),
    (("permission denied",), "check whether the login user may run {program}"),
    (("not found", "no such file"), "install {program} on the host, or connect as the user itself"),
)
_RULES = {"sudo": "sudoers", "sudosu": "sudoers", "doas": "doas.conf"}


def become_refused(become: Become | None, said: str, where: str) -> BecomeError:
    """The error for a privilege that was not had.

    Args:
        said: what stood on standard error, several lines maybe.
    """
    become = become or Become()
    program = become.program or METHODS[method_name(become.method)].program
    rules = _RULES.get(method_name(become.method), f"rules of {program}")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for telling, hint in _SAYS:
        for line in lines:
            if any(text in line.lower() for text in telling):
                hint = hint.format(program=program, rules=rules)
                said = f"{_PASSWORDS[telling]} {method_name(become.method)} password: " if telling in _PASSWORDS else ""
                return BecomeError(f"{said}cannot become {become.user}: {line}", where=where, hint=hint)
    last = lines[-1] if lines else f"{program} ended without a word"
    return BecomeError(
        f"cannot become {become.user}: {last}", where=where, hint=f"check the host's {rules} for the login user"
    )


def no_interpreter(asked_for: str | None, said: str, where: str) -> InterpreterError:
    """The error for a host on which no Python was found, or not the one that was asked for."""
    words = " / ".join(line.strip() for line in said.splitlines()[-2:])
    detail = f" ({words})" if words else ""
    if asked_for is not None:
        missing = f"The module interpreter '{asked_for}' was not found."
        return InterpreterError(
            missing
            if "not found" in words
            else f"the interpreter '{asked_for}' does not run as a Python 3.6 or newer{detail}",
            where=where,
            hint="check ansible_python_interpreter, or leave it out to have one looked for",
        )
    return InterpreterError(
        f"no Python 3.6 or newer runs on the host{detail}",
        where=where,
        hint=f"looked for {', '.join(INTERPRETERS[:3])} … and platform-python; install python3, or set "
        "ansible_python_interpreter. The modules raw and script work without Python",
    )
