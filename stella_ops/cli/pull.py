"""``stella-ops pull``: fetch a repository of playbooks, and run one of them on this machine.

The two steps are commands of their own, as with ansible-pull: an ``ansible.cfg`` in the repository counts for the
second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from stella_ops.cli import options
from stella_ops.cli.ansible_programs import START, AnsibleCommand, called_as_ansible
from stella_ops.cli.versions import version_option
from stella_ops.errors import OptionsError

Command = TypeVar("Command", bound=Callable[..., Any])

# Modules that fetch a repository, each with the arguments it has for: where from, which version, all of its history.
_FETCHING: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "git": ("name", "version", {"depth": 1}),
    "subversion": ("repo", "revision", {"export": True}),
    "hg": ("repo", "revision", {}),
    "bzr": ("name", "version", {}),
}
_LAST_PLAYBOOK = "local.yml"
# How a result of a single module says that something was changed, in each form that it may be shown in.
_CHANGED = (b'"changed": true', b"changed: True", b"| CHANGED =>")

# Options of a login, which ansible-pull takes: there is none, as the playbook runs here.
_LOGIN = (
    ("-u", "--user"),
    ("-c", "--connection"),
    ("-T", "--timeout"),
    ("--connection-password-file",),
    ("--conn-pass-file",),
    ("--ssh-common-args",),
    ("--ssh-extra-args",),
    ("--sftp-extra-args",),
    ("--scp-extra-args",),
)


def _logins_without_meaning(command: Command) -> Command:
    for names in _LOGIN:
        command = click.option(*names, hidden=True, expose_value=False)(command)
    return click.option("-k", "--ask-pass", is_flag=True, hidden=True, expose_value=False)(command)


@click.command(
    cls=AnsibleCommand,
    epilog="""\b
Examples:
  stella-ops pull -U https://git.example.com/ops.git                the host's own playbook, or local.yml
  stella-ops pull -U git@git.example.com:ops.git -C v1.4 site.yml   a certain version and playbook
  stella-ops pull -U https://git.example.com/ops.git -o -s 300      from a timer: only when there is news

\b
Exit status: that of fetching where that failed, else that of the playbook as with stella-ops play; 5 wrong usage.""",
)
@version_option("pull")
@click.argument("playbooks", nargs=-1, metavar="[PLAYBOOK]...")
@click.option("-U", "--url", metavar="URL", help="The repository.")
@click.option("-C", "--checkout", metavar="VERSION", help="Branch, tag or commit. [default: the repository's own]")
@click.option("-d", "--directory", metavar="FOLDER", help="Where to. [default: ~/.ansible/pull/HOSTNAME]")
@click.option("-m", "--module-name", "module", default="git", help="git (default), subversion, hg or bzr.")
@click.option("--full", is_flag=True, help="Fetch the whole history.")
@click.option("--clean", is_flag=True, help="Throw away what was changed in the folder.")
@click.option("--track-subs", is_flag=True, help="Fetch the newest commits of submodules.")
@click.option("--verify-commit", is_flag=True, help="Run nothing unless the commit's signature is good.")
@click.option("--accept-host-key", is_flag=True, help="Accept the repository host's SSH key if it is not known yet.")
@click.option("-o", "--only-if-changed", is_flag=True, help="Run nothing when there is nothing new.")
@click.option("-f", "--force", is_flag=True, help="Run the playbook even where fetching failed.")
@click.option("-s", "--sleep", metavar="SECONDS", help="Wait up to so long first, so that not all hosts come at once.")
@click.option("--purge", is_flag=True, help="Remove the folder afterwards.")
@click.option("-t", "--tags", multiple=True, metavar="TAGS", help="Only tasks with one of these tags.")
@click.option("--skip-tags", multiple=True, metavar="TAGS", help="No task with one of these tags.")
@click.option("--list-hosts", is_flag=True, help="Show the hosts that would take part, and stop.")
@click.option("--check", is_flag=True, help="Change nothing but the folder; tell what would change.")
@click.option("--diff", is_flag=True, help="Show what changes inside files.")
@options.extra_vars_option
@options.module_path_option
@options.inventory_options
@click.option("--private-key", "--key-file", "private_key", metavar="FILE", help="SSH key to fetch with.")
@options.become_password_options
@click.option("-v", "--verbose", count=True, help="Show more; up to -vvv.")
@_logins_without_meaning
def pull(playbooks: tuple[str, ...], url: str | None, directory: str | None, sleep: str | None, **given: Any) -> int:
    """Fetch a repository with playbooks, and run PLAYBOOK of it on this machine.

    Without PLAYBOOK it is the one of this host's name: web1.example.com.yml, else web1.yml, else local.yml.
    """
    import time

    folder = _folder(directory)
    seconds = _seconds(sleep)
    if not url:
        raise OptionsError("URL for repository not specified, use -h for help", hint="name it with -U")
    if given["module"] not in _FETCHING:
        raise OptionsError(f"Unsupported repo module {given['module']}, choices are {','.join(_FETCHING)}")
    _tell_of_start(url)
    if seconds:
        click.echo(f"Sleeping for {seconds} seconds...")
        time.sleep(seconds)
    status, printed = _fetch(url, folder, given)
    if status and not given["force"]:
        return status
    if status:
        _warn("Unable to update repository. Continuing with (forced) run of playbook.")
    elif given["only_if_changed"] and not any(mark in printed for mark in _CHANGED):
        click.echo("Repository has not changed, quitting")
        return 0
    status = _play(folder, _choose(folder, playbooks), given)
    if given["purge"]:
        _remove(folder)
    return status


def _folder(named: str | None) -> Path:
    import socket

    from stella_ops.ansible_settings.defaults import default_of
    from stella_ops.ansible_settings.reading import read_ansible_settings

    if named is None:
        home = read_ansible_settings(os.environ, Path.cwd()).choose("ANSIBLE_HOME", default=default_of("ANSIBLE_HOME"))
        return Path(home) / "pull" / socket.getfqdn()
    folder = Path(os.path.expandvars(named)).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise OptionsError(f"{folder} is not a valid or accessible directory.", hint="name a folder with -d")
    return folder


def _seconds(given: str | None) -> int:
    """How long to wait: by chance, below what is given."""
    import secrets

    if given is None:
        return 0
    if not given.isdecimal():
        raise OptionsError(f"{given} is not a number.", hint="--sleep takes seconds")
    return secrets.randbelow(max(int(given), 1))


def _tell_of_start(url: str) -> None:
    from datetime import datetime

    from stella_ops.cli.secrets import REDACTOR
    from stella_ops.redaction import without_password

    shown = without_password(url)
    click.echo(datetime.now().astimezone().strftime("Starting Ansible Pull at %F %T"))
    click.echo(REDACTOR.scrub(" ".join(word.replace(url, shown) for word in sys.argv)))


def _names() -> str:
    """The pattern of all names that this machine may have in an inventory."""
    import platform
    import socket

    names = dict.fromkeys(
        name for whole in (socket.getfqdn(), platform.node()) for name in (whole, whole.partition(".")[0]) if name
    )
    return ",".join(["localhost", *names, "127.0.0.1"])


def _fetch(url: str, folder: Path, given: Mapping[str, Any]) -> tuple[int, bytes]:
    """Bring the folder up to date; the exit status, and what was printed."""
    named_url, named_version, unless_full = _FETCHING[given["module"]]
    arguments: dict[str, Any] = {named_url: url, "dest": str(folder)}
    if given["checkout"]:
        arguments[named_version] = given["checkout"]
    if not given["full"]:
        arguments.update(unless_full)
    if given["clean"]:
        arguments["force"] = True
    if given["module"] == "git":
        if given["accept_host_key"]:
            arguments["accept_hostkey"] = True
        if given["private_key"]:
            arguments["key_file"] = given["private_key"]
        if given["verify_commit"]:
            arguments["verify_commit"] = True
        if given["track_subs"]:
            arguments["track_submodules"] = True
    words = ["all", "-m", given["module"], "-c", "local", "-l", _names(), *_several("-e", given["extra_vars"])]
    words += _several("-M", given["module_path"])
    sources = _sources(given, Path.cwd())
    if sources:
        words += sources
    else:
        words += ["-i", "localhost,", "-e", json.dumps({"ansible_python_interpreter": sys.executable})]
    # Not on the command line, where others would see a password that the URL may hold.
    more = {"ANSIBLE_MODULE_ARGS": json.dumps(arguments), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    process = _start("run", [*words, *_verbosity(given)], stdout=subprocess.PIPE, environ=more)
    printed = bytearray()
    assert process.stdout is not None
    while piece := os.read(process.stdout.fileno(), 65536):
        printed += piece
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    return process.wait(), bytes(printed)


def _choose(folder: Path, named: Sequence[str]) -> list[Path]:
    """The playbooks to run.

    Raises:
        OptionsError: one that is named is not there; or none of those that are looked for.
    """
    import socket

    host = socket.getfqdn()
    wanted = named or (f"{host}.yml", f"{host.partition('.')[0]}.yml", _LAST_PLAYBOOK)
    found, missing = [], []
    for path in (folder / name for name in wanted):
        if not path.exists():
            missing.append(f"{path}: File does not exist")
        elif not os.access(path, os.R_OK):
            missing.append(f"{path}: File is not readable")
        elif not named:
            return [path]
        else:
            found.append(path)
    if missing:
        _warn("\n".join(missing))
        raise OptionsError("Could not find a playbook to run.")
    return found


def _play(folder: Path, playbooks: Sequence[Path], given: Mapping[str, Any]) -> int:
    words = [*map(str, playbooks), "-c", "local", "-l", given["limit"] or _names(), *_sources(given, folder)]
    for option, name in (
        ("-e", "extra_vars"),
        ("-t", "tags"),
        ("--skip-tags", "skip_tags"),
        ("-M", "module_path"),
        ("--vault-id", "vault_ids"),
        ("--vault-password-file", "vault_password_files"),
    ):
        words += _several(option, given[name])
    if given["become_password_file"]:
        words += ["--become-password-file", given["become_password_file"]]
    for option in ("--ask-become-pass", "--ask-vault-pass", "--flush-cache", "--list-hosts", "--check", "--diff"):
        if given[option.removeprefix("--").replace("-", "_")]:
            words.append(option)
    return _start("play", [*words, *_verbosity(given)], folder=folder).wait()


def _sources(given: Mapping[str, Any], folder: Path) -> list[str]:
    """The inventories that there are, seen from a folder; one in the repository is there only once that is fetched."""
    return _several("-i", [source for source in given["inventories"] if "," in source or (folder / source).exists()])


def _several(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _verbosity(given: Mapping[str, Any]) -> list[str]:
    return [f"-{'v' * given['verbose']}"] if given["verbose"] else []


def _start(
    command: str,
    words: Sequence[str],
    *,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    **more: Any,
) -> subprocess.Popen[bytes]:
    """Start one of our commands, by the kind of name that this one was called by."""
    program = {"run": "ansible", "play": "ansible-playbook"}[command] if called_as_ansible() else "stella-ops"
    named = [] if called_as_ansible() else [command]
    # Names that the inventory does not know are no mistakes here: they are all that this machine may have.
    lenient = {} if called_as_ansible() else {"ANSIBLE_HOST_PATTERN_MISMATCH": "ignore"}
    sys.stdout.flush()
    return subprocess.Popen(  # noqa: S603 - our own program, in no shell
        [sys.executable, "-P", "-c", START.format(name=program), *named, *words],
        cwd=folder,
        env={**lenient, **os.environ, **(environ or {})},
        **more,
    )


def _warn(message: str) -> None:
    from stella_ops.cli.tolerance import warn

    warn(message)


def _remove(folder: Path) -> None:
    import shutil

    try:
        shutil.rmtree(folder)
    except OSError as problem:
        click.echo(f"[ERROR]: Failed to remove {folder}: {problem.strerror}", err=True)
