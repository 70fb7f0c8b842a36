"""The cases under ansible-core itself: what is recorded of it is what it does.

That stella-ops does the same is tested by ``test_cases.py`` with the same records. With STELLA_PEER_ALL=1 the
cases take part, too, for which ansible-core needs many seconds: a tenth of them, half of the time.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

cases = sys.modules["tests_integration_play_case"]  # loaded by conftest.py
program = sys.modules["tests_integration_play_program"]
transcript = sys.modules["tests_integration_play_transcript"]

# A case that differs on purpose says why, and is recorded from stella-ops.
ALL = [(name, label) for name in cases.names() for label in cases.load(name).runs if not cases.load(name).differs]


@pytest.fixture(scope="session")
def peer(peer_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    own = tmp_path_factory.getbasetemp()
    packed = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "packed-modules"  # all workers' own
    packed.mkdir(exist_ok=True)
    with program.imported_once(peer_bin, tmp_path_factory.mktemp("peer"), packed) as start:
        yield start


@pytest.mark.timeout(2 * program.LONGEST + 20)
@pytest.mark.parametrize(("name", "label"), ALL, ids=cases.ids(ALL))
def test_what_is_recorded(name: str, label: str, peer_bin: Path, peer: Any, tmp_path: Path) -> None:
    case = cases.load(name)
    if case.needs and shutil.which(case.needs) is None:
        pytest.skip(f"left out: there is no {case.needs} on this machine")
    if case.slow_peer and os.environ.get("STELLA_PEER_ALL") != "1":
        pytest.skip("ansible-core needs many seconds for it: with STELLA_PEER_ALL=1 it is compared, too")
    recorded = None if case.no_transcript else case.expected(label).read_text(encoding="utf-8")
    start = [str(peer_bin / "ansible-playbook")] if program.has_own_settings(case) else peer
    wanted = recorded if recorded is None else transcript.without_order(recorded)
    # ansible-core prints some lines as its workers' results come in, so a difference has to show twice: the second
    # time hosts of a task come one after another, and the order of what they printed does not count.
    for attempt, forks in (("first", ()), ("second", ("--forks", "1"))):
        ran = program.run(start, case, label, tmp_path / attempt / "work", transcript, forks)
        if recorded is None:
            assert ran.status == case.peer_exits.get(label, case.exits[label]), ran.said
            return
        made = f"exit status {ran.status}\n\n{ran.transcript}"
        if made == recorded or (forks and transcript.without_order(made) == wanted):
            return
    assert made == recorded, ran.said
