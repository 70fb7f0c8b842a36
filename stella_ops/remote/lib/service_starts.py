"""What Debian's packages hear when they want to start services while they are installed: policy-rc.d(8)."""

import contextlib
import os

POLICY_RC_D = "/usr/sbin/policy-rc.d"


@contextlib.contextmanager
def answered(status):
    """Meanwhile, have every service's start answered with an exit status; None leaves things as they are.

    What stood in the program's place is put back. Source: policy-rc.d(8), invoke-rc.d(8).
    """
    if status is None:
        yield
        return
    from stella_ops.remote.lib import atomic, exclusive, files

    kept = None
    with exclusive.termination_raises():
        if os.path.lexists(POLICY_RC_D):
            kept = POLICY_RC_D + ".stella-kept"
            os.rename(POLICY_RC_D, kept)
        try:
            with atomic.Replacement(POLICY_RC_D) as new:
                new.write("#!/bin/sh\nexit {}\n".format(status).encode("ascii"))
                new.commit(files.Wanted("0755"))
            yield
        finally:
            if kept is not None:
                os.rename(kept, POLICY_RC_D)
            elif os.path.exists(POLICY_RC_D):
                os.unlink(POLICY_RC_D)
