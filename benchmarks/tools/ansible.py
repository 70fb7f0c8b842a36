"""ansible-core as its users tune it, and the same with Mitogen's strategy."""

from __future__ import annotations

from benchmarks.tools import peers
from benchmarks.tools.base import Command, Site, clean_environment
from benchmarks.tools.playbook import write_inventory, write_playbook
from benchmarks.works.steps import Ping, Work

_ENVIRONMENT = "ansible"
# Not "scale": with a process or two a host it is minutes, and gigabytes.
_WORKS = frozenset({"ping", "play", "commands", "file", "delay"})


class Ansible:
    """ansible-core with pipelining, persistent connections, 50 forks, and the interpreter given."""

    name = "ansible"
    works: frozenset[str] | None = _WORKS

    def prepare(self) -> str:
        return peers.install(_ENVIRONMENT, "ansible-core")

    def command(self, work: Work, site: Site) -> Command:
        inventory = write_inventory(site)
        programs = peers.folder(_ENVIRONMENT) / "bin"
        if work.steps == (Ping(),):
            argv = [str(programs / "ansible"), "all", "-m", "ping", "-i", str(inventory)]
        else:
            argv = [str(programs / "ansible-playbook"), str(write_playbook(work, site)), "-i", str(inventory)]
        return Command(argv, {**clean_environment(), **self._settings(site)})

    def _settings(self, site: Site) -> dict[str, str]:
        config = site.home / "ansible.cfg"
        config.touch()  # empty: the settings below are all there are, whatever the caller's home holds
        return {
            "PATH": f"{peers.folder(_ENVIRONMENT) / 'bin'}:{clean_environment().get('PATH', '/usr/bin:/bin')}",
            "ANSIBLE_HOME": str(site.home / "ansible"),
            "ANSIBLE_CONFIG": str(config),
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_FORKS": "50",
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s",
            # Finding an interpreter costs it a trip a host; people who tune name one.
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            "ANSIBLE_GATHERING": "explicit",
            "LC_ALL": "C.UTF-8",
        }


class Mitogen(Ansible):
    """ansible-core with Mitogen's linear strategy."""

    name = "mitogen"

    def prepare(self) -> str:
        core = super().prepare()
        return f"{peers.install(_ENVIRONMENT, 'mitogen')} on ansible-core {core}"

    def _settings(self, site: Site) -> dict[str, str]:
        (plugins,) = peers.folder(_ENVIRONMENT).glob("lib/python*/site-packages/ansible_mitogen/plugins/strategy")
        strategy = {"ANSIBLE_STRATEGY_PLUGINS": str(plugins), "ANSIBLE_STRATEGY": "mitogen_linear"}
        return {**super()._settings(site), **strategy}
