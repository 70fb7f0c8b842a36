"""``ansible.module_utils`` as written here, against what ansible-core's own has answered (``recorded.json``)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[4]
# Where the words, or an order that is chance there, are other ones.
DIFFERS = (
    "m.run_command(['/no/such/program'",
    "m.boolean('maybe')",
    "f = w + '/f'; open(f, 'w').write('x'); m.digest_from_file(f, 'nope')",
    "f = w + '/f'; open(f, 'w').write('x'); m.set_mode_if_different(f, 'z+x'",
)


@pytest.mark.parametrize("end", [0, -1], ids=["oldest", "newest"])
def test_answers_are_those_of_ansible_core(end: int, interpreters: list[Path]) -> None:
    recorded: dict[str, Any] = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))
    command = [str(interpreters[end]), str(HERE / "cases.py"), "ours", str(ROOT)]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=120).stdout
    ours = json.loads(said.splitlines()[-1])
    assert len(recorded) > 190 and recorded.keys() == ours.keys()
    wrong = {
        name: {"case": case, "core": answer, "ours": ours[name][1]}
        for name, (case, answer) in recorded.items()
        if ours[name][1] != answer and not name.startswith(DIFFERS)
    }
    assert wrong == {}
    for name in (name for name in recorded if name.startswith(DIFFERS)):
        assert ours[name][1]["failed"] is True
