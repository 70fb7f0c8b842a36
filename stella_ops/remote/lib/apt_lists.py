"""Updating apt's package lists, tried as often as it takes."""

import time

from stella_ops.remote.lib import debian


def problem(deadline):
    """Run apt-get update once.

    Args:
        deadline: of ``time.monotonic()``, until which another program's lock is waited for.

    Returns:
        None when all indexes were fetched; else one line of what went wrong, and what apt-get said.
    """
    said = debian.run_locking([debian.program("apt-get"), "-q", "update"], deadline)
    # apt-get ends well when some indexes fail: it then works on with the old ones (apt-get(8)).
    bad = [line for line in said.stderr.splitlines() if line.startswith("E:") or "Failed to fetch" in line]
    if said.rc == 0 and not bad:
        return None
    return "; ".join(bad) or said.stderr.strip() or "unknown reason", said


def update(task, tries, longest_pause, deadline):
    """Update the lists; each failed try is warned of.

    Args:
        tries: how often, at least once.
        longest_pause: seconds between tries at most; they double from one.
        deadline: as ``problem`` takes it.

    Returns:
        None, or message, what apt-get said, and a hint.
    """
    tries = max(1, tries)
    for attempt in range(tries):
        found = problem(deadline)
        if found is None:
            return None
        reason, said = found
        hint = debian.hint_for(said.stderr)
        if attempt + 1 == tries or (hint and "become" in hint):
            message = "Failed to update apt cache after {} retries: {}".format(attempt + 1, reason)
            return message, said, hint
        task.warn("Failed to update cache after {} retries due to {}, retrying".format(attempt + 1, reason))
        time.sleep(min(2**attempt, longest_pause))
    return None
