"""``stella-ops ansible-shims``: programs of ansible-core's names, for scripts that call those."""

from __future__ import annotations

from pathlib import Path

import click

_PROGRAM = """\
#!/bin/sh
# Written by stella-ops ansible-shims: {name} as stella-ops has it.
exec {python} -P -c {start} "$@"
"""


@click.command(
    epilog="""\b
Examples:
  stella-ops ansible-shims shims && PATH=$PWD/shims:$PATH ./runme.sh
  stella-ops ansible-shims ~/.local/bin/stella-shims"""
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def ansible_shims(folder: Path) -> int:
    """Write ansible, ansible-playbook and the others into FOLDER, so that scripts that call them run unchanged.

    A program that is there and was not written by this command is left alone. ansible-test
    says that it is not supported.
    """
    from stella_ops.cli.ansible_programs import NAMES
    from stella_ops.errors import UsageError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            _write(folder / name)
    except OSError as problem:
        raise UsageError(f"cannot write to {folder}: {problem.strerror}") from None
    click.echo(f"{len(NAMES)} programs in {folder}; call them so:")
    click.echo(f"  PATH={folder.absolute()}:$PATH")
    return 0


def _write(path: Path) -> None:
    """Write one program, whole or not at all."""
    import shlex
    import sys

    from stella_ops import atomic_files
    from stella_ops.cli.ansible_programs import START
    from stella_ops.errors import UsageError

    if path.exists() and b"stella-ops ansible-shims" not in path.read_bytes():
        raise UsageError(f"{path} is there, and not of our making", hint="name another folder, or remove it")
    atomic_files.write(
        path,
        _PROGRAM.format(
            name=path.name, python=shlex.quote(sys.executable), start=shlex.quote(START.format(name=path.name))
        ),
        mode=0o755,
    )
