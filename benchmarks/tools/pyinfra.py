"""pyinfra, with its defaults: all hosts side by side."""

from __future__ import annotations

from pathlib import Path

from benchmarks.tools import peers
from benchmarks.tools.base import Command, Site, clean_environment
from benchmarks.works.steps import Command as RunCommand
from benchmarks.works.steps import Copy, Directory, Facts, Line, Ping, Stat, Step, Template, Work

_HEAD = """\
import io

from pyinfra import host
from pyinfra.facts.files import File
from pyinfra.facts.server import Arch, Hostname, Kernel, KernelVersion, LinuxDistribution
from pyinfra.operations import files, server

root = host.data.bench_root
"""


class Pyinfra:
    """pyinfra by its own SSH connector (paramiko, gevent)."""

    name = "pyinfra"
    works: frozenset[str] | None = None

    def prepare(self) -> str:
        return peers.install("pyinfra", "pyinfra")

    def command(self, work: Work, site: Site) -> Command:
        argv = [str(peers.folder("pyinfra") / "bin" / "pyinfra"), "-y", str(_write_inventory(site))]
        if work.steps == (Ping(),):
            argv += ["exec", "--", "echo", "pong"]
        else:
            deploy = site.folder / "deploy.py"
            deploy.write_text(_HEAD + "".join(_operation(step, site.materials) for step in work.steps))
            argv.append(str(deploy))
        return Command(argv, clean_environment())


def _write_inventory(site: Site) -> Path:
    hosts = [
        (
            host.name,
            {
                "ssh_hostname": host.address,
                "ssh_port": host.port,
                "ssh_user": host.user,
                "ssh_key": str(host.key_file),
                "ssh_known_hosts_file": str(host.known_hosts),
                "ssh_strict_host_key_checking": "yes",
                "ssh_allow_agent": False,
                "ssh_look_for_keys": False,
                "bench_root": site.variables[host.name]["bench_root"],
            },
        )
        for host in site.hosts
    ]
    path = site.folder / "inventory.py"
    path.write_text(f"hosts = {hosts!r}\n")
    return path


def _operation(step: Step, materials: Path) -> str:
    match step:
        case Ping():
            return 'server.shell(commands=["echo pong"])\n'
        case Facts():
            # Far fewer than the others gather, and so to its advantage.
            asked = "".join(f"host.get_fact({fact})\n" for fact in ("Hostname", "Kernel", "Arch", "LinuxDistribution"))
            return asked + "release = host.get_fact(KernelVersion)\n"
        case Directory():
            return f'files.directory(path=f"{{root}}/{step.path}", mode="{step.mode}")\n'
        case Template():
            source = str(materials / step.source)
            return (
                f'files.template(src={source!r}, dest=f"{{root}}/{step.path}", mode="{step.mode}",'
                ' jinja_env_kwargs={"trim_blocks": True}, host_name=host.name, host_kernel=release)\n'
            )
        case Copy():
            source = str(materials / step.source)
            return f'files.put(src={source!r}, dest=f"{{root}}/{step.path}", mode="{step.mode}")\n'
        case Line():
            text = f"io.StringIO({step.text + chr(10)!r})"
            return f'files.put(src={text}, dest=f"{{root}}/{step.path}", mode="{step.mode}")\n'
        case RunCommand():
            return f'server.shell(commands=[f"{step.shell("{root}")}"])\n'
        case Stat():
            return f'host.get_fact(File, path=f"{{root}}/{step.path}")\n'
