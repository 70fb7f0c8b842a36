"""Which fact cache the settings mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stella_ops.engine.fact_caches.base import FactCache
from stella_ops.errors import SettingsError

KNOWN = ("memory", "jsonfile", "store")


def fact_cache(
    name: str,
    *,
    connection: str | None,
    prefix: str | None,
    timeout: float,
    store_url: Callable[[], str],
    warn: Callable[[str], None],
) -> FactCache | None:
    """The cache of that name; None for facts that last as long as the run.

    As with ansible-core, a cache that cannot be had keeps no run from its work.

    Args:
        name: ``memory``, ``jsonfile`` or ``store``.
        connection: the folder of ``jsonfile``.
        timeout: seconds after which facts are too old; 0 for never.
        warn: told when there is no such cache.
    """
    match name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy."):
        case "memory":
            return None
        case "jsonfile":
            from stella_ops.engine.fact_caches.json_files import JsonFiles

            if not connection:
                warn("fact_caching = jsonfile needs fact_caching_connection, a folder: facts last as long as the run")
                return None
            try:
                return JsonFiles(Path(connection), prefix=prefix or "", timeout=timeout)
            except SettingsError as problem:
                warn(f"{problem}: facts last as long as the run")
                return None
        case "store":
            from stella_ops.engine.fact_caches.fleet_store import StoredFacts

            return StoredFacts(store_url(), timeout=timeout)
    warn(
        f"the fact cache plug-in '{name}' is not supported: facts last as long as the run; "
        f"supported are {', '.join(KNOWN)}"
    )
    return None
