"""``--version`` of the commands that stand for ansible-core's, in the form that scripts read there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from stella_ops.cli.ansible_programs import PROGRAMS

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings

# What a command stands for.
_MODELS = {command: program for program, command in PROGRAMS.items()}


def version_option(command: str) -> Callable[[Any], Any]:
    """The option ``--version``: which language is spoken, what is configured, and by what it is run."""

    def show(context: click.Context, _: click.Parameter, value: bool) -> None:
        if not value or context.resilient_parsing:
            return
        click.echo(version_text(_MODELS[command]))
        context.exit()

    return click.option(
        "--version",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Show versions and where things are looked for, and stop.",
    )


def headlines(settings: AnsibleSettings, verbose: int) -> str:
    """What a program prints first: with ``-v`` which ``ansible.cfg`` counts, with ``-vv`` the versions before.

    By our own names no versions are printed.
    """
    if not verbose:
        return ""
    program = sys.argv[0].rpartition("/")[2]
    text = f"Using {settings.file} as config file" if settings.file else "No config file found; using defaults"
    return f"{version_text(program)}\n{text}\n" if verbose > 1 and program in _MODELS.values() else f"{text}\n"


def version_text(name: str) -> str:
    """The lines of ``--version``.

    Args:
        name: of ansible-core's program; what follows it in brackets is the language, not our own version.
    """
    import os
    from pathlib import Path

    import jinja2
    import yaml

    import stella_ops
    from stella_ops.ansible_settings.defaults import default_of
    from stella_ops.ansible_settings.reading import read_ansible_settings
    from stella_ops.collections.installed import configured_folders
    from stella_ops.engine.magic import LANGUAGE

    settings = read_ansible_settings(os.environ, Path.cwd())
    collections = settings.choose("COLLECTIONS_PATHS") or configured_folders(os.environ)
    modules = settings.choose("DEFAULT_MODULE_PATH") or default_of("DEFAULT_MODULE_PATH")
    c_library = "with" if getattr(yaml, "__with_libyaml__", False) else "without"
    return "\n".join(
        [
            f"{name} [core {'.'.join(map(str, LANGUAGE))}] (stella-ops {stella_ops.__version__})",
            f"  config file = {settings.file}",
            f"  configured module search path = {[str(folder) for folder in modules]}",
            f"  ansible python module location = {Path(stella_ops.__file__).parent}",
            f"  ansible collection location = {':'.join(map(str, collections))}",
            f"  executable location = {sys.argv[0]}",
            f"  python version = {' '.join(sys.version.split())} ({sys.executable})",
            f"  jinja version = {jinja2.__version__}",
            f"  pyyaml version = {yaml.__version__} ({c_library} libyaml)",
        ]
    )
