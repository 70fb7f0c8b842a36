"""How long a run took the last time, for the live display's estimate."""

from __future__ import annotations

from stella_ops.console.overview import PastRun
from stella_ops.engine.events import RunStarted
from stella_ops.settings import Project


def past_run(project: Project, started: RunStarted) -> PastRun | None:
    """The last run of the same title that went through, as the store has it; None where there is none.

    Called by the display's own thread, some seconds after the start: most runs are over by then, and do not pay for
    the imports.

    Raises:
        StoreError: the store cannot be read.
    """
    from stella_ops.store import runs
    from stella_ops.store.database import Store

    store = Store.open(project.store_url)
    try:
        with store.reading() as connection:
            found = runs.like(
                connection,
                kind=started.kind,
                title=started.title,
                check=started.check,
                hosts=started.hosts_total,
            )
            if found is None or found.finished_at is None:
                return None
            began = found.started_at
            ends = [(end - began).total_seconds() for end in runs.ends(connection, found.id)]
            return PastRun(ends, (found.finished_at - began).total_seconds())
    finally:
        store.close()
