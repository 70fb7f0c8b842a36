"""``stella-ops`` with a witness: every secret that it draws is also written to a file for the test to look for.

Run as ``python canary_cli.py WITNESS ARGS…``. The program is the real one; the only seam is the source of
randomness, ``secrets.token_bytes``, which the fleet hands to the token service. Draws of 32 bytes are a bootstrap
token's secret: its base64url text, the form in which it travels, goes to the file WITNESS.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys

_draw = secrets.token_bytes


def _witnessed(count: int | None = None) -> bytes:
    drawn = _draw(count)
    if count == 32:
        text = base64.urlsafe_b64encode(drawn).rstrip(b"=")
        file = os.open(_WITNESS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(file, text + b"\n")
        os.close(file)
    return drawn


if __name__ == "__main__":
    _WITNESS = sys.argv[1]
    sys.argv = ["stella-ops", *sys.argv[2:]]
    secrets.token_bytes = _witnessed

    from stella_ops.cli.entry import main

    main()
