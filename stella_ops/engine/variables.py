"""Variable precedence: which value a name has for a host, in a play, at a task.

From the weakest to the strongest, by ansible-core's documentation ("Understanding variable precedence"):
role defaults, inventory (groups, then host), facts, play vars, vars_prompt, vars_files, role vars, block and task
vars, include_vars, set_fact and register, parameters of roles and includes, extra vars; magic variables stand above
all. Layers are looked through, not merged: a task costs no copying.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stella_ops.engine import reserved_names
from stella_ops.engine.host_state import HostState
from stella_ops.engine.magic import ActiveHosts, Told, run_variables
from stella_ops.engine.options import RunOptions
from stella_ops.engine.search_path import search_path
from stella_ops.inventory.loader import HOST_LIST
from stella_ops.inventory.model import Inventory
from stella_ops.inventory.patterns import LOCALHOST
from stella_ops.inventory.precedence import add_deep
from stella_ops.origins import SourceMapping, origin_of
from stella_ops.playbook.model import Role, Task
from stella_ops.playbook.role_variables import RoleLayers, exported_layers, role_layers, role_names
from stella_ops.templating.scope import LazyVariables, is_template
from stella_ops.templating.templar import Templar

Layer = Mapping[str, Any]

# What a delegated task sees of its delegate where its own host does not say it.
_REACHED_BY = ("ansible_host", "ansible_user", "ansible_port")
# What a play tells its own tasks, and ``hostvars`` nobody: a host's variables would hold those of all hosts again.
_OF_PLAY = ("hostvars", "vars", "omit", "ansible_play_name", "ansible_play_hosts_all", "ansible_search_path")


class PlayVariables:
    """The variables of one play.

    Args:
        recall: makes the state of a host that has not taken part yet, where facts are kept between runs.

    Attributes:
        files: the content of ``vars_files`` for each host, merged in the order written.
        files_waiting: hosts of whose ``vars_files`` some have names that take facts: they are read once there are any.
        facts_gathered: called with hosts whose facts may say more of their files.
        batch: the hosts the play runs on now.
        roles: those whose variables are the whole play's.
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
        roles: Sequence[Role] = (),
        recall: Callable[[str], HostState] | None = None,
    ) -> None:
        self._inventory = inventory
        self._options = options
        self._templar = templar
        self._states = states
        self._recall = recall
        self._play_vars = dict(play_vars)
        self._playbook_dir = playbook_dir
        self.files: dict[str, dict[str, Any]] = {}
        self.files_waiting: set[str] = set()
        self.facts_gathered: Callable[[Iterable[str]], None] = lambda hosts: None
        self.batch: list[str] = []
        self._added = inventory.added
        self.roles = [role for role in roles if self._is_public(role)]
        self._own_roles, self._included_roles = list(roles), list[Role]()
        # With the role itself, so that no other can take its id.
        self._role_layers: dict[int, tuple[Role, RoleLayers]] = {}
        self._public: tuple[int, list[Layer], list[Layer]] = (-1, [], [])
        self._active: list[str] | None = None
        self._held: list[str] | None = None
        # Hosts that failed where a rescue section may take them back: they are of the play all the same.
        self.guarded: set[str] = set()
        self._age = 0
        # What inventory and magic say of a host does not change within a play.
        self._below: dict[str, Layer] = {}
        self._own_magic: dict[str, Layer] = {}
        self._search_paths: dict[tuple[int, str | None], Layer] = {}
        self._views: dict[str, tuple[int, Layer]] = {}
        self._kept: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {}
        self._shared: Layer = {
            **run_variables(inventory, options, playbook_dir=playbook_dir, run_id=run_id),
            "ansible_play_name": play_name,
            "ansible_search_path": [str(playbook_dir)],
            "ansible_play_hosts_all": play_hosts,
            "hostvars": HostVars(self),
            **role_names(self._own_roles),
        }
        wait = int(options.timeout)
        self._told = Told(ansible_timeout=wait, ansible_ssh_timeout=wait, ansible_shell_executable="/bin/sh")
        self._changing = ActiveHosts(self.active, lambda: self.batch)
        self._of_play = frozenset((*_OF_PLAY, *self._changing, *role_names([])))

    def answer(self, name: str, value: Any) -> None:
        """Set a variable that the operator was asked for."""
        self._play_vars[name] = value

    def warn_of_reserved(self, host: str, seen: set[int]) -> None:
        """Tell of variables of a host whose names are words of the language; see ``reserved_names.warn_of``."""
        own = self.of(host)
        told = (self._magic(host), self._shared, self._changing)
        layers = own.maps if isinstance(own, ChainMap) else [own]
        reserved_names.warn_of((layer for layer in layers if not any(layer is each for each in told)), seen)

    def of_task(self, task: Task) -> list[Layer]:
        """What a task, its blocks, includes and role say, in no order."""
        role = task.inherited.role
        of_role = [] if role is None else [role.defaults, role.vars, role.params, role.given]
        return [*task.inherited.vars, *task.inherited.params, *of_role]

    def host_names(self) -> list[str]:
        """Every host that ``hostvars`` can answer for."""
        return list(self._inventory.hosts)

    def knows(self, host: object) -> bool:
        """Whether the inventory has a host."""
        return host in self._inventory.hosts

    def of(
        self,
        host: str,
        task: Task | None = None,
        extra: Layer | None = None,
        pending: Layer | None = None,
        address: str | None = None,
    ) -> Layer:
        """The variables of a host; values are as written, not rendered.

        Args:
            task: adds the variables of its blocks and its own.
            extra: adds above all others but magic ones, such as loop variables.
            pending: stands above all; see ``Pending``.
            address: the host that the task runs on, where it is another.
        """
        state = self._state(host) or HostState(host)
        layers: list[Layer] = [self._magic(host), self._shared, self._changing]
        if pending is not None:
            layers.insert(0, pending)
        if extra:
            layers.append(extra)
        if self._options.extra_vars:
            layers.append(self._options.extra_vars)
        within = None
        if task is not None:
            inherited = task.inherited
            if inherited.role is not None or inherited.folder is not None:
                layers.insert(0, self._search_path(task))
            if inherited.params:
                layers += reversed(inherited.params)
            if inherited.role is not None:
                within = self.of_role(inherited.role)
                layers.append(within.names)
                layers += within.params
        layers.append(state.set_facts)
        if state.included:
            layers.append(state.included)
        if task is not None:
            layers += reversed(task.inherited.vars)
        if within is not None:
            layers += within.vars
        public_vars, public_defaults = self._public_layers()
        layers += public_vars
        if host in self.files:
            layers.append(self.files[host])
        layers += [self._play_vars, self._facts(state), self._inventory_layer(host)]
        if within is not None:
            layers += within.defaults
        layers += public_defaults
        if task is not None:
            layers += [self._reached_as(host, task, address), self._told]
        return self._looked_through(layers)

    def _looked_through(self, layers: list[Layer]) -> Layer:
        kind: type[ChainMap[str, Any]] = MergingLayers if self._options.merge_hashes else ChainMap
        return kind(*layers)  # type: ignore[arg-type]

    def _facts(self, state: HostState) -> Layer:
        return state.facts if self._options.inject_facts else {"ansible_local": state.facts.get("ansible_local", {})}

    def of_nobody(self, files: Layer | None = None) -> Layer:
        """The play's variables before it has hosts.

        Args:
            files: the content of its ``vars_files``.
        """
        public_vars, public_defaults = self._public_layers()
        layers = [self._shared, self._options.extra_vars, *public_vars, files or {}, self._play_vars, *public_defaults]
        return ChainMap(*layers)  # type: ignore[arg-type]

    def _state(self, host: str) -> HostState | None:
        """A host's state. One that has not taken part may have facts from earlier runs."""
        known = self._states.get(host)
        return self._recall(host) if known is None and self._recall is not None else known

    def _reached_as(self, host: str, task: Task, address: str | None) -> Layer:
        """What a task is told of its connection where no variable says it, or one by its older name."""
        said = self._inventory_layer(host)
        kind = task.inherited.connection or self._options.connection or "ssh"
        user = task.inherited.remote_user or self._options.remote_user
        made: dict[str, Any] = {"ansible_host": address or said.get("ansible_ssh_host", host)}
        if isinstance(kind, str) and not is_template(kind):
            made["ansible_connection"] = "local" if address in LOCALHOST else str(kind)
        if "ansible_ssh_user" in said:
            made["ansible_user"] = said["ansible_ssh_user"]
        elif isinstance(user, str) and not is_template(user):
            made["ansible_user"] = str(user)
        if "ansible_ssh_port" in said:
            made["ansible_port"] = said["ansible_ssh_port"]
        if address is not None and address != host and self.knows(address):
            of_delegate = self._inventory_layer(address)
            made.update((name, of_delegate[name]) for name in _REACHED_BY if name in of_delegate)
        return made

    def of_stranger(self, host: str, task: Task, extra: Layer | None = None) -> Layer:
        """The variables of a delegate that no inventory knows: those of the task and the play."""
        layers: list[Layer] = [{"inventory_hostname": host}, extra or {}, self._options.extra_vars]
        layers += reversed(task.inherited.params)
        layers += reversed(task.inherited.vars)
        return ChainMap(*layers, self._play_vars, {"ansible_host": host})  # type: ignore[arg-type]

    def of_role(self, role: Role) -> RoleLayers:
        """What a role's tasks see of it; made once."""
        made = self._role_layers.get(id(role))
        if made is None:
            made = self._role_layers[id(role)] = role, role_layers(role)
        return made[1]

    def _search_path(self, task: Task) -> Layer:
        """Where the task's relative files are looked for, as a variable; made once for all tasks of a file."""
        key = (id(task.inherited.role), task.inherited.folder)
        made = self._search_paths.get(key)
        if made is None:
            places = search_path(task, [self._playbook_dir])
            made = self._search_paths[key] = {"ansible_search_path": [str(place) for place in places]}
        return made

    def begin_batch(self, hosts: list[str]) -> None:
        """A batch begins: with the play's own roles, whatever one before has included."""
        self.batch = hosts
        self.guarded.clear()
        self.roles = [role for role in self._own_roles if self._is_public(role)]
        self._included_roles = []
        self._public = (-1, [], [])
        self._kept.clear()
        self._shared = {**self._shared, **role_names(self._own_roles)}
        self.forget()

    def use_role(self, role: Role) -> None:
        """Name a role that was included among those of the play; its variables are the whole play's if public."""
        self._included_roles.append(role)
        self._shared = {**self._shared, **role_names(self._own_roles, self._included_roles)}
        self.changed()
        if self._is_public(role) and not any(known.key == role.key for known in self.roles):
            self.roles.append(role)

    def _is_public(self, role: Role) -> bool:
        return not self._options.private_role_vars if role.public is None else role.public

    def _public_layers(self) -> tuple[list[Layer], list[Layer]]:
        if self._public[0] != len(self.roles):
            layers = [exported_layers(role) for role in reversed(self.roles)]
            self._public = (
                len(self.roles),
                [layer for found, _ in layers for layer in found],
                [layer for _, found in layers for layer in found],
            )
        return self._public[1], self._public[2]

    def kept(self, host: str, task: Task) -> dict[str, Any]:
        """What tasks before this one have rendered of the host's variables and would render alike again.

        Empty once a variable of the host has changed, or where the tasks' own variables differ.
        """
        state = self._states.get(host)
        # The same block's variables are the same object for all its tasks.
        inherited = task.inherited
        key = (
            0 if state is None else state.age,
            len(self.roles) + len(self._included_roles),
            id(inherited.role),
            *(id(level) for level in inherited.vars),
            *(id(level) for level in inherited.params),
        )
        known = self._kept.get(host)
        if known is None or known[0] != key:
            known = self._kept[host] = (key, {})
        return known[1]

    def rendered(self, host: str) -> Layer:
        """The variables of a host as ``hostvars`` has them: its own, nothing that plays, roles and tasks say."""
        known = self._views.get(host)
        if known is not None and known[0] == self._age:
            return known[1]
        state = self._state(host) or HostState(host)
        layers = [self._magic(host), self._shared, self._changing, self._options.extra_vars, state.set_facts]
        layers += [state.included, self._facts(state), self._inventory_layer(host)]
        view = LazyVariables(self._templar.lazy(self._looked_through(layers)).scope, self._of_play)
        self._views[host] = (self._age, view)
        return view

    def _inventory_layer(self, host: str) -> Layer:
        found = self._below.get(host)
        if found is None:
            found = self._below[host] = self._inventory.variables(host, self._playbook_dir)
        return found

    def _magic(self, host: str) -> Layer:
        made = self._own_magic.get(host)
        state = self._states.get(host)
        if made is None or (state is not None and made["ansible_facts"] is not state.bare_facts):
            made = self._own_magic[host] = self._make_magic(host)
        return made

    def _make_magic(self, host: str) -> Layer:
        state = self._states.get(host)
        made: dict[str, Any] = {
            "inventory_hostname": host,
            "inventory_hostname_short": host.split(".", 1)[0],
            "group_names": self._inventory.group_names(host),
            "ansible_facts": state.bare_facts if state else {},
        }
        known = self._inventory.hosts.get(host)
        source = origin_of(known)
        if known is None:
            return made
        listed = None if source is None else source.source.removeprefix(HOST_LIST)
        if source is not None and listed != source.source:
            made["inventory_file"], made["inventory_dir"] = listed, None
        elif source is not None and Path(source.source).exists():
            path = Path(source.source).resolve()
            made["inventory_file"] = None if path.is_dir() else str(path)
            made["inventory_dir"] = str(path if path.is_dir() else path.parent)
        else:
            made["inventory_file"] = made["inventory_dir"] = None
        return made

    @contextmanager
    def held(self) -> Iterator[None]:
        """A task runs on several hosts, and all of them see the hosts that were left when it began."""
        self._held = self.active()
        try:
            yield
        finally:
            stale, self._held = self._active is None, None
            if stale:
                self.forget()

    def active(self) -> list[str]:
        """The hosts of the play that have not failed; counted once until ``forget`` is called."""
        if self._held is not None:
            return self._held
        if self._active is None:
            self._active = [name for name in self._shared["ansible_play_hosts_all"] if not self._is_out(name)]
        return self._active

    def renew(self) -> None:
        """The inventory has other hosts or groups than before; those that a task added count as the play's, too."""
        added = [str(name) for kind, name, *_ in self._inventory.additions(self._added) if kind == "host"]
        everyone = [*self._shared["ansible_play_hosts_all"], *added]
        self._added, self._active = self._inventory.added, None
        self._below.clear()
        self._own_magic.clear()
        self._kept.clear()
        told = {"groups": self._inventory.groups_to_hosts(), "ansible_play_hosts_all": list(dict.fromkeys(everyone))}
        self._shared = {**self._shared, **told}
        self._age += 1

    def changed(self) -> None:
        """A host has other variables than before."""
        self._age += 1

    def forget(self) -> None:
        """A host failed or a batch began: what depends on that is counted anew."""
        self._active = None
        self._age += 1

    def _is_out(self, host: str) -> bool:
        state = self._states.get(host)
        if state is None:
            return False
        lost = (state.failed or state.fallen) and host not in self.guarded
        return lost or state.unreachable or state.ended


class MergingLayers(ChainMap[str, Any]):
    """Layers of which a mapping adds to weaker ones of its name (``hash_behaviour = merge``)."""

    def __getitem__(self, name: str) -> Any:
        found: list[dict[str, Any]] = []
        for layer in self.maps:
            try:
                value = layer[name]
            except KeyError:
                continue
            if type(value) not in (dict, SourceMapping):
                return value if not found else self._merged(name, found)
            found.append(value)
        if not found:
            return self.__missing__(name)
        return self._merged(name, found)

    @staticmethod
    def _merged(name: str, found: list[dict[str, Any]]) -> Any:
        if len(found) == 1:
            return found[0]
        merged: dict[str, Any] = {}
        for value in reversed(found):
            add_deep(merged, {name: value})
        return merged[name]


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
