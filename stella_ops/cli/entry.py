"""The program ``stella-ops``: finds the command, runs it, and turns errors into messages and exit codes.

Commands live in files of this folder and are imported when they are called, so that no command pays for
another's imports.

Exit codes: 0 fine, 1 error, 2 a host failed (or wrong usage), 4 a host could not be reached (or a file cannot
be parsed), 99 interrupted, 250 a defect of ours. ``stella-ops doctor`` has its own: see its help.
"""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import gc
import importlib
import os
import signal
import sys
import threading
from typing import Any

import click

from stella_ops import __version__
from stella_ops.errors import SettingsError, StellaError

# name: (file in this folder, attribute, help)
COMMANDS = {
    "play": ("play", "play", "Run a playbook on the hosts of an inventory."),
    "run": ("run", "run", "Run one module on the hosts of a pattern."),
    "console": ("console", "console", "Run modules and shell commands as they are typed."),
    "pull": ("pull", "pull", "Fetch a repository of playbooks, and run one on this machine."),
    "lint": ("lint", "lint", "Find what would fail or mislead in playbooks, without touching a host."),
    "doc": ("doc", "doc", "Show what a module does and takes."),
    "runs": ("runs", "runs", "Look at the runs that were recorded."),
    "doctor": ("doctor", "doctor", "Check the health of hosts and their agents."),
    "agent": ("agent", "agent", "Bootstrap agents, and look at those of the fleet."),
    "token": ("token", "token", "Bootstrap tokens: list, show, revoke."),
    "tunnel": ("tunnel", "tunnel", "Give agents without connectivity the orchestrator, through SSH."),
    "hostkeys": ("hostkeys", "hostkeys", "Gather, review, approve and pin SSH host keys."),
    "inventory": ("inventory", "inventory", "Show what an inventory means."),
    "config": ("config", "config", "Show what ansible.cfg and ANSIBLE_* set."),
    "galaxy": ("galaxy", "galaxy", "Show which collections and roles are installed."),
    "vault": ("vault", "vault", "Encrypt and decrypt files and values as ansible-vault does."),
    "serve": ("serve", "serve", "The orchestrator: an HTTPS API for agents that can call in."),
    "operator": ("operator", "operator", "Who may ask the orchestrator."),
    "ca": ("ca", "ca", "The fleet's certificate authority."),
    "release": ("release", "release", "Build the agent package."),
    "ansible-shims": ("ansible_shims", "ansible_shims", "Write programs of ansible-core's names, for scripts."),
    "lab": ("lab", "lab", "SSH hosts on this machine, to try things on."),
    "init": ("init", "init", "Make a project folder."),
}

HELP = ("-h", "--help")
INTERRUPTED = 99
DEFECT = 250

# Objects made and not freed before Python looks for dead circles among them; its own 700 means 140 searches, a
# twentieth of a short run, for next to nothing: what start-up makes is there to stay.
COLLECT_AFTER = 50_000


class LazyGroup(click.Group):
    """Knows its commands by name, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        file, attribute, _ = COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"stella_ops.cli.{file}"), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            from stella_ops.spelling import did_you_mean

            hint = did_you_mean(name, COMMANDS) or f"known: {', '.join(COMMANDS)}"
            raise click.UsageError(f"No such command '{name}'; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, _, help) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": list(HELP), "max_content_width": 110},
    epilog='Shell completion: eval "$(_STELLA_OPS_COMPLETE=bash_source stella-ops)" (or zsh_source, fish_source).',
)
@click.version_option(__version__, prog_name="stella-ops")
def cli() -> None:
    """Push automation over SSH for the life of an agent: install, enrol, configure, diagnose.

    \b
    Examples:
      stella-ops init fleet && cd fleet       a project folder with an example inventory
      stella-ops lab up                       three SSH hosts on this machine, to try things on
      stella-ops play bootstrap.yml -i inventory
      stella-ops doctor all -i inventory
    """


def main() -> None:
    """Run the program and exit."""
    gc.set_threshold(COLLECT_AFTER, 10, 10)
    try:
        code = run_cli()
    except KeyboardInterrupt:  # again, while the first was still dealt with
        code = INTERRUPTED
    if code == INTERRUPTED:
        # Not by way of the interpreter's own end: a Ctrl-C more would be the death of it, with another status.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    _leave(code)


def _leave(code: int) -> None:
    """Exit without having the interpreter taken apart, object by object: that takes 30 to 50 ms.

    Not where something else still counts on it: another thread, a debugger or profiler, or a stream that cannot be
    written, which the interpreter tells of in its own way.
    """
    if threading.active_count() == 1 and sys.gettrace() is None and sys.getprofile() is None:
        with contextlib.suppress(OSError, ValueError):
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    sys.exit(code)


def run_cli(args: list[str] | None = None) -> int:
    """Run a command line; the exit code. Nothing but ``SystemExit`` for ``--help`` and the like leaves it.

    What a command sets for the code that it calls (``ContextVar``) ends with it.
    """
    return contextvars.copy_context().run(_run, args)


def _run(args: list[str] | None) -> int:
    try:
        name = _program_name()
        names = list(HELP)
        code: Any = _command(name).main(args=args, prog_name=name, standalone_mode=False, help_option_names=names)
        return int(code or 0)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as problem:
        _tell_of_usage(problem)
        return problem.exit_code
    except (click.Abort, KeyboardInterrupt):  # click makes the one of the other
        click.echo("Interrupted. Run the same command again to go on: what is done is left as it is.", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; the interpreter must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as problem:  # the last line of defence: no traceback reaches an operator unasked
        return _tell(problem)


def _tell_of_usage(problem: click.ClickException) -> None:
    from stella_ops.cli.ansible_programs import called_as_ansible

    if isinstance(problem, click.UsageError) and called_as_ansible():
        from stella_ops.cli.usage_errors import as_there

        click.echo(as_there(problem, _program_name()), err=True)
    else:
        problem.show()


def _tell(problem: Exception) -> int:
    from stella_ops.cli.secrets import REDACTOR
    from stella_ops.console.problems import render_exception
    from stella_ops.console.stream import wants_color

    text = render_exception(problem, color=wants_color(sys.stderr), verbosity=_verbosity(sys.argv))
    click.echo(REDACTOR.scrub(text), err=True)
    if isinstance(problem, StellaError):
        if isinstance(problem, SettingsError) and problem.exit_code == SettingsError.exit_code:
            from stella_ops.cli.ansible_programs import called_as_ansible

            return 1 if called_as_ansible() else problem.exit_code
        return problem.exit_code
    return DEFECT


def _program_name() -> str:
    name = sys.argv[0].rpartition(os.sep)[2] if sys.argv else ""
    return name if name in ("stella-ops", "stella") or name.startswith("ansible") else "stella-ops"


def _command(program: str) -> click.Command:
    """All commands, or the one that a program of ansible-core's name stands for."""
    if program.startswith("ansible"):
        from stella_ops.cli.ansible_programs import NAMES, command_of

        if program in NAMES:
            return command_of(program)
    return cli


def _verbosity(argv: list[str]) -> int:
    """How many -v there are; read from the raw arguments since an error may come before they are parsed."""
    return sum(arg.count("v") if arg.strip("-v") == "" and arg.startswith("-v") else arg == "--verbose" for arg in argv)
