"""A case: a folder with a playbook, and what must come of running it.

    playbook.yml          what is run
    hosts.ini             if there is one, in place of ../hosts.ini
    case.yml              optional, see ``Case``
    expected.txt          exit status and output of the run; expected.NAME.txt where there are several

``expected*.txt`` are recorded from ansible-core by ``compare.py``, unless the case says why it differs.
"""

from __future__ import annotations

import functools
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases"
SHARED = Path(__file__).parent / "shared"


@dataclass(kw_only=True)
class Case:
    """What ``case.yml`` may say.

    Attributes:
        runs: arguments of ``play``, by name of the run; each gets a fresh copy of the folder.
        before: arguments of what is run before each of them in the same folder, a playbook the first; what is
            printed then stands in front of what the run prints.
        local_only: why it is not run by SSH, too.
        differs: why what is expected is not what ansible-core does; such a case is recorded from stella-ops.
        keys: further keys of results that are compared.
        no_transcript: only exit status and ``says`` count, for errors, whose words are our own.
        exits: the exit status of each run where there is no transcript.
        peer_exits: that of ansible-core where it is another on purpose.
        says: texts that must appear in stdout or stderr, by run ('' for every run).
        silent: texts that must not appear there.
        environment: variables of the process.
        needs: a program without which the case is left out.
        slow_peer: ansible-core needs many seconds for it; see ``test_against_ansible.py``.
        shares: files of the folder ``shared`` that stand beside the playbook, too.
    """

    name: str
    runs: dict[str, list[str]] = field(default_factory=lambda: {"": []})
    before: list[list[str]] = field(default_factory=list)
    local_only: str | None = None
    differs: str | None = None
    keys: tuple[str, ...] = ()
    no_transcript: bool = False
    exits: dict[str, int] = field(default_factory=dict)
    peer_exits: dict[str, int] = field(default_factory=dict)
    says: dict[str, list[str]] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    needs: str | None = None
    slow_peer: bool = False
    shares: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return CASES / self.name

    def expected(self, run: str) -> Path:
        """The file with what is expected of a run."""
        return self.folder / (f"expected.{run}.txt" if run else "expected.txt")

    def unpack(self, work: Path, run: str) -> list[list[str]]:
        """Copy the case's files to a folder; the arguments of what is to be run there, one thing after the other."""
        shutil.copytree(self.folder, work, dirs_exist_ok=True)
        for name in self.shares:
            shutil.copy(SHARED / name, work / name)
        if not (work / "hosts.ini").exists():
            shutil.copy(CASES / "hosts.ini", work / "hosts.ini")
        return [["-i", "hosts.ini", *args] for args in (*self.before, ["playbook.yml", *self.runs[run]])]


@functools.cache
def load(name: str) -> Case:
    """Read a case. What is returned is everybody's."""
    path = CASES / name / "case.yml"
    found: dict[str, Any] = (yaml.safe_load(path.read_text()) if path.is_file() else None) or {}
    found.pop("about", None)
    if "args" in found:
        found["runs"] = {"": found.pop("args")}
    if "exit" in found:
        found["exits"] = {"": found.pop("exit")}
    if "peer_exit" in found:
        found["peer_exits"] = {"": found.pop("peer_exit")}
    if isinstance(found.get("says"), list):
        found["says"] = {"": found["says"]}
    found["keys"], found["shares"] = tuple(found.get("keys", ())), tuple(found.get("shares", ()))
    return Case(name=name, **found)


def names() -> list[str]:
    """All cases."""
    return sorted(path.parent.name for path in CASES.glob("*/playbook.yml"))


def ids(runs: list[tuple[str, str]]) -> list[str]:
    """What the runs of cases, given by name and label, are called among the tests."""
    return [f"{name}-{label}" if label else name for name, label in runs]
