"""How many hosts of a whole run may fail: ``max_fail`` and ``max_unreachable``, of plays and of the command line.

ansible-core's ``max_fail_percentage`` counts the hosts of one batch of one play, and leaves out those that cannot be
reached. Here every host counts that is out, whatever play and batch it fell out in; those that cannot be reached count
with the others, unless ``max_unreachable`` gives them a limit of their own. A limit must be exceeded, not reached.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from stella_ops.engine import keyword_values
from stella_ops.engine.events import NoHostsLeft, Warned
from stella_ops.engine.run_context import RunContext
from stella_ops.errors import TemplateError
from stella_ops.origins import origin_of
from stella_ops.playbook.keywords import in_keyword
from stella_ops.playbook.model import Play


def stops(run: RunContext, play: Play, view: Mapping[str, Any]) -> bool:
    """Whether a limit is exceeded, so that the run must stop; then it is told. See ``exceeded``."""
    told = exceeded(run, play, view)
    if told is not None:
        run.emit(NoHostsLeft(time=time.time(), play=play.title, reason=told.partition(":")[0]))
        run.emit(Warned(time=time.time(), message=told))
    return told is not None


def exceeded(run: RunContext, play: Play, view: Mapping[str, Any]) -> str | None:
    """Which limit of a play or of its run is exceeded, and how; None where none is.

    Args:
        view: variables for the play's keywords.

    Raises:
        TemplateError: a limit is no whole number from 0 on.
    """
    allowed = _least("max_fail", play.max_fail, run.options.max_fail, run, view)
    apart = _least("max_unreachable", play.max_unreachable, run.options.max_unreachable, run, view)
    if allowed is None and apart is None:
        return None
    gone = sum(state.unreachable for state in run.states.values())
    if apart is not None and gone > apart:
        return f"max_unreachable: of this run's hosts {gone} could not be reached, and no more than {apart} may"
    failed = sum(state.failed and not state.unreachable for state in run.states.values())
    out, words = (failed, "failed") if apart is not None else (failed + gone, "failed or could not be reached")
    if allowed is not None and out > allowed:
        return f"max_fail: of this run's hosts {out} {words}, and no more than {allowed} may"
    return None


def _least(name: str, written: Any, option: int | None, run: RunContext, view: Mapping[str, Any]) -> int | None:
    """The stricter of what a play and the command line say; None where neither does."""
    found = keyword_values.number(name, written, run.templar, view, -1)
    if written is not None and found < 0:
        raise TemplateError(f"{in_keyword(name)}: {found:g} is less than 0.", where=origin_of(written))
    return min((int(limit) for limit in (found, option) if limit is not None and limit >= 0), default=None)
