"""A module and its arguments, as they stand on a command line, made a playbook of one task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stella_ops.errors import OptionsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stella_ops.cli.workplace import Workplace
    from stella_ops.playbook.model import Playbook

_NEED_ARGUMENTS = frozenset(
    f"{prefix}{name}" for prefix in ("", "ansible.builtin.") for name in ("command", "shell", "script", "raw")
)


def adhoc_workplace(playbook_dir: str | None, given: Mapping[str, Any]) -> Workplace:
    """What ``prepare`` reads, with the modules of a command that has no playbook.

    Args:
        playbook_dir: the folder that counts as a playbook's.
        given: the shared options.
    """
    import dataclasses

    from stella_ops.cli.collections import use_collections
    from stella_ops.cli.workplace import Choices, module_environment, prepare
    from stella_ops.module_folders import folders_beside, split_paths

    beside = (Path(playbook_dir).absolute(),) if playbook_dir else ()
    workplace = prepare(Choices(beside=beside, **given))
    named = [folder for text in given["module_path"] for folder in split_paths(text)]
    place = Path(workplace.settings.choose("PLAYBOOK_DIR", playbook_dir, default=".")).absolute()
    use_collections(workplace.settings, [place])
    environ = module_environment(workplace.settings)
    folders = folders_beside([Path(playbook_dir or ".") / "run.yml"], named, workplace.options.module_folders, environ)
    workplace.options = dataclasses.replace(workplace.options, module_folders=folders)
    workplace.begin_reading()
    return workplace


def check_arguments(module: str, arguments: str) -> None:
    """Refuse what is no task of its own.

    Raises:
        OptionsError: arguments are missing, or the module is none for single tasks.
    """
    if module in _NEED_ARGUMENTS and not arguments.strip():
        raise OptionsError(f"No argument passed to {module} module", hint="give one with -a")
    if module in ("import_playbook", "ansible.builtin.import_playbook"):
        raise OptionsError(f"'{module}' is not a valid action for ad-hoc commands")


def adhoc(
    workplace: Workplace,
    pattern: str,
    module: str,
    arguments: str,
    *,
    background: int | None = None,
    poll: int | None = None,
    collections: Sequence[str] = (),
    folder: Path | None = None,
) -> Playbook:
    """The playbook.

    Args:
        arguments: ``key=value``, free text, or a JSON object.
        background: seconds that the task may take in the background.
        poll: seconds between looks at it.
        collections: where short names are looked for first.
        folder: the playbook's, where another than the current one is to count.

    Raises:
        ParseError: there is no such module, or the arguments are not its.
    """
    from stella_ops.cli.ansible_programs import called_as_ansible
    from stella_ops.cli.single_task import single_step
    from stella_ops.errors import PlaybookError
    from stella_ops.origins import Origin, SourceMapping, SourceText
    from stella_ops.playbook.imports import IMPORTS
    from stella_ops.playbook.module_names import canonical
    from stella_ops.playbook.parser import parse_tasks

    origin = Origin("--args")
    written = SourceMapping(origin)
    value: Any = SourceText(arguments, origin) if arguments else None
    if arguments.lstrip().startswith("{"):
        from stella_ops.source_files import load_yaml

        value = load_yaml(arguments, "--args", error=PlaybookError)
    written[module] = value
    written.key_origins[module] = origin
    if background:
        written["async"] = background
        written["poll"] = workplace.settings.choose("DEFAULT_POLL_INTERVAL", poll, default=15)
    modules = workplace.modules
    assert modules is not None  # see adhoc_workplace
    known = canonical(module, modules, collections)
    if called_as_ansible() and known not in ("meta", *IMPORTS) and modules.spec(known) is None:
        # As there it is the task that fails: a name that is known only when it runs.
        written = SourceMapping(origin)
        written["action"] = SourceText(f"{{{{ {module!r} }}}}", origin)
    if collections:
        written["collections"] = list(collections)
    step = parse_tasks([written], modules=modules, where=origin, expected_to_fail=True)[0]
    return single_step(pattern, step, path=str(folder / "command-line") if folder else "command-line")
