"""Wrong command lines of ansible-core's programs, told as these tell them: ``PROGRAM: error: …``, below the usage."""

from __future__ import annotations

import re

import click

_NO_NUMBER = re.compile(r"('.*') is not a valid (integer|float)")
_NO_CHOICE = re.compile(r"('.*?') is not one of (.*)\.", re.DOTALL)
_TOO_MANY = re.compile(r"Got unexpected extra arguments? \((.*)\)", re.DOTALL)
_NO_COMMAND = re.compile(r"No such command ('.*?')")
_NUMBERS = {"integer": "int", "float": "float"}


def as_there(problem: click.UsageError, program: str) -> str:
    """The usage and the error, for standard error."""
    context = problem.ctx
    path = program if context is None else context.command_path
    error = f"{path}: error: {_message(problem)}"
    if context is None:
        return error
    usage = context.get_usage().replace("Usage:", "usage:", 1).replace("[OPTIONS]", "[options]", 1)
    return f"{usage}\n{error}"


def _message(problem: click.UsageError) -> str:
    text = problem.format_message()
    if problem.ctx is not None and text.startswith("Usage:"):  # a group without a command
        return "the following arguments are required: action"
    if isinstance(problem, click.NoSuchOption):
        return f"unrecognized arguments: {problem.option_name}"
    if isinstance(problem, click.BadOptionUsage):
        return f"argument {_names(problem)}: expected one argument"
    if found := _TOO_MANY.match(text):
        return f"unrecognized arguments: {found[1]}"
    if (found := _NO_COMMAND.match(text)) and problem.ctx is not None:
        command = problem.ctx.command
        known = command.list_commands(problem.ctx) if isinstance(command, click.Group) else []
        return f"argument action: invalid choice: {found[1]} (choose from {', '.join(map(repr, known))})"
    if isinstance(problem, click.BadParameter) and isinstance(problem.param, click.Option):
        return _value(problem, problem.param)
    return text


def _value(problem: click.BadParameter, option: click.Option) -> str:
    """What is wrong with the value of an option."""
    names, said = "/".join(option.opts), problem.message
    if found := _NO_NUMBER.match(said):
        return f"argument {names}: invalid {_NUMBERS[found[2]]} value: {found[1]}"
    if found := _NO_CHOICE.match(said):
        return f"argument {names}: invalid choice: {found[1]} (choose from {found[2]})"
    if option.name == "forks":
        return "The number of processes (--forks) must be >= 1"
    return f"argument {names}: {said}"


def _names(problem: click.BadOptionUsage) -> str:
    """All the names of an option of which one was used."""
    params = [] if problem.ctx is None else problem.ctx.command.get_params(problem.ctx)
    return next(("/".join(each.opts) for each in params if problem.option_name in each.opts), problem.option_name)
