"""Magic variables: what every host is told of the run, the play and the other hosts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stella_ops import __version__
from stella_ops.engine.options import RunOptions
from stella_ops.inventory.model import Inventory
from stella_ops.templating.omit import OMIT

# The ansible-core whose playbook language is spoken; playbooks ask for it before they use what is newer.
LANGUAGE = (2, 19, 0)


def run_variables(inventory: Inventory, options: RunOptions, *, playbook_dir: Path, run_id: str) -> dict[str, Any]:
    """What is the same for all hosts and tasks of a play."""
    version = ".".join(map(str, LANGUAGE))
    made: dict[str, Any] = {
        "groups": inventory.groups_to_hosts(),
        "omit": OMIT,
        "playbook_dir": str(playbook_dir),
        "ansible_check_mode": options.check,
        "ansible_diff_mode": options.diff,
        "ansible_verbosity": options.verbosity,
        "ansible_forks": options.forks,
        "ansible_run_tags": list(options.tags),
        "ansible_skip_tags": list(options.skip_tags),
        "ansible_inventory_sources": list(options.inventory_sources),
        "ansible_config_file": options.config_file,
        "ansible_playbook_python": sys.executable,
        "ansible_version": {
            "full": version,
            "major": LANGUAGE[0],
            "minor": LANGUAGE[1],
            "revision": LANGUAGE[2],
            "string": version,
        },
        "stella_version": __version__,
        "stella_run_id": run_id,
    }
    if options.limit is not None:
        made["ansible_limit"] = options.limit
    return made


class ActiveHosts(Mapping[str, Any]):
    """The variables that change when a host fails: made when asked for, not for each of thousands of hosts.

    Args:
        play: the hosts of the play that have not failed.
        batch: the hosts of the running batch.
    """

    def __init__(self, play: Callable[[], list[str]], batch: Callable[[], list[str]]) -> None:
        self._play = play
        self._batch = batch

    def __getitem__(self, name: str) -> Any:
        if name == "ansible_play_hosts":
            return self._play()
        if name in ("ansible_play_batch", "play_hosts"):
            in_play = set(self._play())
            return [host for host in self._batch() if host in in_play]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(("ansible_play_hosts", "play_hosts", "ansible_play_batch"))

    def __len__(self) -> int:
        return 3


class Told(dict[str, Any]):
    """Variables that templates see of a connection where nothing says them: no connection hangs on them."""
