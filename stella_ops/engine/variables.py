"""Variable precedence: which value a name has for a host, in a play, at a task.

From the weakest to the strongest, by ansible-core's documentation ("Understanding variable precedence"):
inventory (groups, then host), facts, play vars, vars_files, block and task vars, set_fact and register, extra
vars; magic variables stand above all. Layers are looked through, not merged: a task costs no copying.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stella_ops import __version__
from stella_ops.engine.host_state import HostState
from stella_ops.engine.options import RunOptions
from stella_ops.inventory.model import Inventory
from stella_ops.inventory.patterns import LOCALHOST
from stella_ops.playbook.model import Task
from stella_ops.templating.omit import OMIT
from stella_ops.templating.templar import Templar


class PlayVariables:
    """The variables of one play.

    Args:
        files: the content of ``vars_files`` for each host, merged in the order written.
    """

    def __init__(
        self,
        inventory: Inventory,
        options: RunOptions,
        templar: Templar,
        states: Mapping[str, HostState],
        *,
        play_vars: Mapping[str, Any],
        play_name: str,
        play_hosts: list[str],
        playbook_dir: Path,
        run_id: str,
    ) -> None:
        self._inventory = inventory
        self._options = options
        self._templar = templar
        self._states = states
        self._play_vars = dict(play_vars)
        self._playbook_dir = playbook_dir
        self.files: dict[str, dict[str, Any]] = {}
        self.batch: list[str] = []
        self._active: list[str] | None = None
        # One object for all hosts; what differs between hosts is laid over it.
        self._shared: dict[str, Any] = {
            "groups": inventory.groups_to_hosts(),
            "omit": OMIT,
            "playbook_dir": str(playbook_dir),
            "inventory_dir": None,
            "ansible_check_mode": options.check,
            "ansible_diff_mode": options.diff,
            "ansible_verbosity": options.verbosity,
            "ansible_forks": options.forks,
            "ansible_run_tags": list(options.tags),
            "ansible_skip_tags": list(options.skip_tags),
            "ansible_limit": options.limit,
            "ansible_play_name": play_name,
            "ansible_play_hosts_all": play_hosts,
            "ansible_version": {"full": "2.18.0", "major": 2, "minor": 18, "revision": 0, "string": "2.18.0"},
            "stella_version": __version__,
            "stella_run_id": run_id,
        }
        if options.limit is None:
            del self._shared["ansible_limit"]
        self._shared["hostvars"] = HostVars(self)

    def host_names(self) -> list[str]:
        """Every host that ``hostvars`` can answer for."""
        return list(self._inventory.hosts)

    def knows(self, host: object) -> bool:
        """Whether the inventory has a host."""
        return host in self._inventory.hosts

    def of(self, host: str, task: Task | None = None, extra: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """The variables of a host; values are as written, not rendered.

        Args:
            task: adds the variables of its blocks and its own.
            extra: adds above all others but magic ones, such as loop variables.
        """
        state = self._states.get(host) or HostState(host)
        layers: list[Mapping[str, Any]] = [self._magic(host)]
        if extra:
            layers.append(extra)
        layers += [self._options.extra_vars, state.set_facts]
        if task is not None:
            layers += reversed(task.inherited.vars)
        layers.append(self.files.get(host, {}))
        layers.append(self._play_vars)
        layers.append(state.facts)
        layers.append(self._inventory.variables(host, self._playbook_dir))
        return ChainMap(*layers)  # type: ignore[arg-type]

    def rendered(self, host: str) -> Mapping[str, Any]:
        """The variables of a host as other hosts see them through ``hostvars``."""
        return self._templar.lazy(self.of(host))

    def _magic(self, host: str) -> dict[str, Any]:
        active = self.active()
        state = self._states.get(host)
        return {
            **self._shared,
            "inventory_hostname": host,
            "inventory_hostname_short": host.split(".", 1)[0],
            "group_names": self._inventory.group_names(host),
            "ansible_facts": state.bare_facts if state else {},
            "ansible_play_hosts": active,
            "ansible_play_batch": active,
            "play_hosts": active,
        }

    def active(self) -> list[str]:
        """The hosts of the batch that have not failed; counted once until ``forget`` is called."""
        if self._active is None:
            self._active = [name for name in self.batch if not self._is_out(name)]
        return self._active

    def forget(self) -> None:
        """A host failed or a batch began: what depends on that is counted anew."""
        self._active = None

    def _is_out(self, host: str) -> bool:
        state = self._states.get(host)
        return state is not None and (state.failed or state.unreachable)


class HostVars(Mapping[str, Any]):
    """``hostvars``: each host's variables, rendered when they are looked at."""

    def __init__(self, variables: PlayVariables) -> None:
        self._variables = variables

    def __getitem__(self, host: str) -> Any:
        if not self._variables.knows(host) and host not in LOCALHOST:
            raise KeyError(host)
        return self._variables.rendered(host)

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables.host_names())

    def __len__(self) -> int:
        return len(self._variables.host_names())

    def __contains__(self, host: object) -> bool:
        return self._variables.knows(host)

    def __repr__(self) -> str:
        return f"<hostvars of {len(self)} hosts>"
