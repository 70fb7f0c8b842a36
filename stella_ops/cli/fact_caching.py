"""The fact cache that a command line, its environment and ``ansible.cfg`` mean."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stella_ops.cli.workplace import Workplace
    from stella_ops.engine.fact_caches.base import FactCache
    from stella_ops.engine.fact_caches.kept import KeptFacts

DEFAULT = "memory"
DAY = 86400


def kept_facts(workplace: Workplace, warn: Callable[[str], None]) -> KeptFacts | None:
    """The facts that outlive a run; None where none do."""
    cache = _cache(workplace, warn)
    if cache is None:
        return None
    from stella_ops.engine.fact_caches.kept import KeptFacts
    from stella_ops.vault.keyring import current

    keyring = current()
    return KeptFacts(cache, warn=warn, secrets=lambda: keyring.revealed)


def flush_cache(workplace: Workplace) -> None:
    """Forget what is kept of every host of the inventory: ``--flush-cache``."""

    def warn(message: str) -> None:
        print(f"[WARNING]: {message}", file=sys.stderr)

    cache = _cache(workplace, warn)
    if cache is None:
        return
    cache.forget(dict.fromkeys(["localhost", *workplace.inventory.hosts]))
    cache.close()
    for problem in cache.problems:
        warn(problem)


def _cache(workplace: Workplace, warn: Callable[[str], None]) -> FactCache | None:
    choose = workplace.settings.choose
    name = choose("CACHE_PLUGIN", default=DEFAULT)
    if name == DEFAULT:
        return None
    from stella_ops.engine.fact_caches.choose import fact_cache

    def store_url() -> str:
        workplace.project.ensure_state_dir()
        return workplace.project.store_url

    folder = choose("CACHE_PLUGIN_CONNECTION")
    return fact_cache(
        name,
        connection=None if folder is None else str(folder),
        prefix=choose("CACHE_PLUGIN_PREFIX"),
        timeout=choose("CACHE_PLUGIN_TIMEOUT", default=DAY),
        store_url=store_url,
        warn=warn,
    )
