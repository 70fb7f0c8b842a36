"""Generated inventories mean the same to ``stella-ops inventory`` as to ``ansible-inventory``.

What is generated depends on a number alone, so that a failure can be had again.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

_spec = importlib.util.spec_from_file_location("generated_inventories", Path(__file__).with_name("generated.py"))
assert _spec and _spec.loader
generated: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generated)

OURS = [str(Path(sys.executable).with_name("stella-ops")), "inventory"]
WAYS = (["--list"], ["--list", "--export"], ["--list", "-y"], ["--graph", "--vars"], ["--list", "-l"])


@pytest.mark.parametrize("seed", range(12))
def test_a_generated_inventory(seed: int, tmp_path: Path, peer_bin: Path) -> None:
    made = generated.Generated(seed, tmp_path)
    way = WAYS[seed % len(WAYS)]
    way = [*way, made.limit] if way[-1] == "-l" else way
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_HOST_PATTERN_MISMATCH": "warning",  # with us an error by default
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        args = [*command, *made.args, *way]
        return subprocess.run(args, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    theirs, mine = run([str(peer_bin / "ansible-inventory")]), run(OURS)
    if mine.returncode == 4:  # what is wrong is passed over there with a warning
        assert "Failed to parse" in theirs.stderr or "Unable to parse" in theirs.stderr, mine.stderr
        return
    assert mine.returncode == theirs.returncode, mine.stderr
    if "-y" in way:  # aliases apart
        assert yaml.safe_load(mine.stdout) == yaml.safe_load(theirs.stdout)
    elif "--graph" not in way:  # marks of texts that are no templates apart: not all that is made is marked alike
        assert _unmarked(json.loads(mine.stdout)) == _unmarked(json.loads(theirs.stdout))
    else:
        assert mine.stdout == theirs.stdout


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if "__ansible_unsafe" in value else {k: _unmarked(v) for k, v in value.items()}
    return [_unmarked(item) for item in value] if isinstance(value, list) else value
