"""Which tasks ``--tags`` and ``--skip-tags`` leave, by ansible-core's rules."""

from __future__ import annotations

from collections.abc import Collection


def is_selected(tags: Collection[str], only: Collection[str], skip: Collection[str]) -> bool:
    """Whether a task with these tags runs.

    ``always`` runs unless it is skipped, ``never`` only when one of its tags is asked for, and the former
    outranks the latter; ``all``, ``tagged`` and ``untagged`` are special on the command line.
    """
    own = set(tags) or {"untagged"}
    wanted = set(only)
    if "always" in own or wanted & own:
        run = True
    elif "all" in wanted:
        run = "never" not in own
    elif "tagged" in wanted:
        run = own != {"untagged"} and "never" not in own
    else:
        run = False
    if run and skip:
        unwanted = set(skip)
        if "all" in unwanted:
            run = "always" in own and "always" not in unwanted
        elif unwanted & own or ("tagged" in unwanted and own != {"untagged"}):
            run = False
    return run
