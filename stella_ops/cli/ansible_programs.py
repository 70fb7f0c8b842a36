"""ansible-core's programs by their own names: what a name calls here, and the command lines that it takes.

A program that is called ``ansible-playbook`` is ``stella-ops play``, and so on: ``stella-ops ansible-shims`` writes a
folder of such programs for scripts that were written for ansible-core, and a link of that name does as well.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

# What each name is among the commands.
PROGRAMS = {
    "ansible": "run",
    "ansible-playbook": "play",
    "ansible-inventory": "inventory",
    "ansible-vault": "vault",
    "ansible-doc": "doc",
    "ansible-config": "config",
    "ansible-galaxy": "galaxy",
    "ansible-pull": "pull",
    "ansible-console": "console",
}

# What is used in the place of the others.
WITHOUT = {
    "ansible-test": "stella-ops lint looks at playbooks, and any test runner may call stella-ops",
}

NAMES = (*PROGRAMS, *WITHOUT)

# The Python that is a program of a name: our own or one of NAMES.
START = 'import sys; sys.argv[0] = "{name}"\nfrom stella_ops.cli.entry import main; main()'


def command_of(program: str) -> click.Command:
    """The command that a program of ansible-core's name is.

    Args:
        program: one of ``NAMES``. For one that has no counterpart the command says so, and fails.
    """
    if program in WITHOUT:
        return click.Command(
            program,
            callback=lambda: _refuse(program),
            context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
            add_help_option=False,
        )
    from stella_ops.cli.entry import cli

    name = PROGRAMS[program]
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def _refuse(program: str) -> NoReturn:
    from stella_ops.errors import UsageError

    raise UsageError(f"{program} is not supported by stella-ops", hint=WITHOUT[program])


def called_as_ansible() -> bool:
    """Whether this process is a program of ansible-core's name.

    Then what is an error here and a warning there is a warning: patterns and inventories that mean nothing, keys that
    stand twice; and nothing is looked at before the first play.
    """
    return bool(sys.argv) and sys.argv[0].rpartition(os.sep)[2] in PROGRAMS


_OTHER_FORMS = {
    "--inventory-file": "Use -i or --inventory instead.",
    "-o --one-line": "Use callback configuration to enable the oneline callback instead.",
    "-t --tree": "Use callback configuration to enable the tree callback instead.",
}
_OF_ONE_MODULE = {"-o --one-line": "oneline", "-t --tree": "tree"}  # and the callback that each stands for
_SOON = "This feature will be removed from ansible-core version 2.23."


def going_away(words: Sequence[str]) -> list[str]:
    """What ansible-core says of the options of a command line that will not be one day."""
    program = words[0].rpartition(os.sep)[2] if words else ""
    if program not in PROGRAMS:
        return []
    said = []
    for names, instead in _OTHER_FORMS.items():
        written = [name for name in names.split() if any(word.partition("=")[0] == name for word in words[1:])]
        if program != "ansible" and names in _OF_ONE_MODULE:
            continue
        said += [f"The '{name}' argument is deprecated. {_SOON} {instead}" for name in written]
        if written and names in _OF_ONE_MODULE:
            said.append(f"The {_OF_ONE_MODULE[names]} callback plugin is deprecated. {_SOON}")
    return said


class AnsibleCommand(click.Command):
    """A command whose long options may be cut short as long as it is clear what is meant, as in ansible-core."""

    def get_help(self, ctx: click.Context) -> str:
        text = super().get_help(ctx)
        return text.replace("Usage:", "usage:", 1) if called_as_ansible() else text

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = list(args)
        while True:
            try:
                return super().parse_args(ctx, list(words))
            except click.NoSuchOption as problem:
                words = self._whole(ctx, words, problem)
            except click.BadOptionUsage as problem:
                problem.ctx = problem.ctx or ctx  # whose options it may name
                raise
            except click.MissingParameter as problem:
                if problem.param is None or problem.param.param_type_name != "argument":
                    raise
                named = problem.param.make_metavar(ctx).strip("[].").lower()
                raise click.UsageError(f"the following arguments are required: {named}", ctx) from None

    def _whole(self, ctx: click.Context, words: Sequence[str], problem: click.NoSuchOption) -> list[str]:
        """The words with an option written out; raises UsageError where it could be none, or several."""
        short = problem.option_name
        known = [name for option in self.get_params(ctx) for name in (*option.opts, *option.secondary_opts)]
        meant = [name for name in known if name.startswith(short)] if short.startswith("--") else []
        places = [place for place, word in enumerate(words) if word.partition("=")[0] == short]
        if len(set(map(self._target(ctx), meant))) > 1:
            raise click.UsageError(f"ambiguous option: {short} could match {', '.join(sorted(meant))}", ctx)
        if not meant or not places:
            near = f" (did you mean {', '.join(sorted(problem.possibilities))}?)" if problem.possibilities else ""
            raise click.UsageError(f"unrecognized arguments: {short}{near}", ctx) from None
        place = places[0]
        return [*words[:place], meant[0] + words[place][len(short) :], *words[place + 1 :]]

    def _target(self, ctx: click.Context) -> Any:
        of = {name: option.name for option in self.get_params(ctx) for name in (*option.opts, *option.secondary_opts)}
        return of.__getitem__
