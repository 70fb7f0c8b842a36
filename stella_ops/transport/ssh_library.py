"""Imports asyncssh, without two of its habits that every command would pay for.

Measured on two cores (see docs/performance.md), of the 0.2 s that the import takes:

* 35 ms: asyncssh looks for liboqs and libnettle by ``ctypes.util.find_library``, which asks ldconfig and then, for
  what is not there, starts gcc and ld, several times. They are looked for on PATH, so for the length of the import
  PATH names none. What ldconfig knows is still found and used.
* 25 ms: X.509 certificates as SSH keys (PKIX-SSH), which OpenSSH does not have and which are not offered here. They
  need pyOpenSSL, which is hardly ever there; asyncssh imports half of what they need before it finds that out. It
  does without where they cannot be imported, and a module that is None in ``sys.modules`` cannot.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_X509 = "asyncssh.crypto.x509"


@contextmanager
def _no_programs() -> Iterator[None]:
    path = os.environ.get("PATH")
    os.environ["PATH"] = os.devnull
    try:
        yield
    finally:
        if path is None:
            del os.environ["PATH"]
        else:
            os.environ["PATH"] = path


def import_asyncssh() -> None:
    """Import asyncssh, if nobody has yet. To be called by whoever is first to need it."""
    if "asyncssh" in sys.modules:
        return
    without = _X509 not in sys.modules
    if without:
        sys.modules[_X509] = None  # type: ignore[assignment]
    try:
        with _no_programs():
            import asyncssh  # noqa: F401
    finally:
        if without:
            del sys.modules[_X509]
