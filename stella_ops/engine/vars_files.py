"""The files of ``vars_files``: read for each host, since their names may hang on its variables and facts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stella_ops.engine.events import Warned
from stella_ops.engine.run_context import RunContext
from stella_ops.engine.variables import PlayVariables
from stella_ops.errors import PlaybookError, UndefinedVariableError
from stella_ops.origins import Origin, origin_of
from stella_ops.playbook.model import Play
from stella_ops.playbook.variables import first_file


class VarsFiles:
    """Reads the files of one play.

    A name that is undefined when the play begins may be known once facts are gathered; what is undefined then is an
    error, and where no facts are gathered the entry is passed over, as in ansible-core.
    """

    def __init__(self, run: RunContext, play: Play, variables: PlayVariables, folder: Path) -> None:
        self._run = run
        self._play = play
        self._variables = variables
        self._folder = folder
        self._loaded: dict[str, dict[str, Any]] = {}

    def load(self, hosts: Iterable[str], *, with_facts: bool = False) -> None:
        """Read the files for hosts.

        Args:
            with_facts: their facts have been gathered: only what was undefined before is looked at.

        Raises:
            StellaError: a file is missing or wrong, or its name is undefined though there are facts.
        """
        if not self._play.vars_files:
            return
        for host in hosts:
            if with_facts and host not in self._variables.files_waiting:
                continue
            self._variables.files_waiting.discard(host)
            self._variables.files[host] = {}
            for entry in self._play.vars_files:
                self._entry(entry, host, with_facts)
        if with_facts:
            self._variables.changed()

    def _entry(self, entry: Any, host: str, with_facts: bool) -> None:
        alternatives = entry if isinstance(entry, list) else [entry]
        where = origin_of(alternatives[0]) or origin_of(entry) or self._play.origin
        templar, variables = self._run.templar, self._variables.of(host)
        try:
            named = [str(templar.render(name, variables)) for name in alternatives]
        except UndefinedVariableError:
            if with_facts:
                raise
            self._variables.files_waiting.add(host)
            message = "skipping vars_files item due to an undefined variable"
            self._run.emit(Warned(time=time.time(), message=message, where=str(where)))
            return
        found = first_file(named, self._folder, self._loaded)
        if found is None and not self._run.options.missing_vars_files:
            raise none_is_there(named, self._folder, where)
        self._variables.files[host].update(found or {})


def none_is_there(names: Iterable[Any], folder: Path, where: Origin) -> PlaybookError:
    """The error for an entry none of whose alternatives is there."""
    listed = ", ".join(map(str, names))
    return PlaybookError(f"vars_files: none of these files is there: {listed}", where=where, hint=f"looked in {folder}")
