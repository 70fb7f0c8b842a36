"""Sends what was kept, in order and in batches, and knows what to do with a batch that is not accepted."""

import json

from stella_ops.remote.agent.problem import Problem

MAX_ENTRIES = 500
MAX_BYTES = 512 * 1024
MOST_LEFT_OUT = 3


def deliver(entries, post, acknowledge, leave_out, most=MAX_ENTRIES):
    """Send every entry, oldest first.

    A batch that the server does not accept (400, 413 …) is halved until the one entry is found that it chokes
    on; that one is left out, so that it does not dam up all that come after it. A server that accepts nothing is
    not believed: what it refuses stays.

    Args:
        entries: a list of dicts.
        post: sends a list of entries; raises Problem.
        acknowledge: called with the last entry of each batch that was taken.
        leave_out: called with an entry that is not accepted, and the problem.

    Raises:
        Problem: of ``post``; what was acknowledged before stays so.
    """
    at, size, left_out = 0, most, 0
    while at < len(entries):
        batch = _batch(entries, at, size)
        try:
            post(batch)
        except Problem as problem:
            if problem.code != "not-accepted" or left_out >= MOST_LEFT_OUT:
                raise
            if len(batch) > 1:
                size = len(batch) // 2
                continue
            left_out += 1
            leave_out(batch[0], problem)
        else:
            size = min(most, size * 2)
        acknowledge(batch[-1])
        at += len(batch)


def _batch(entries, at, most):
    """As many entries from ``at`` on as fit; one at least."""
    batch, size = [], 0
    for entry in entries[at : at + most]:
        size += len(json.dumps(entry))
        if batch and size > MAX_BYTES:
            break
        batch.append(entry)
    return batch
