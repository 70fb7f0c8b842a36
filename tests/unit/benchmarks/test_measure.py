"""The program that runs a command and measures it with all its descendants."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# The benchmarks are no part of the installed package; they stand beside it in the checkout.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks import measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="benchmarks need Linux")


def measured(folder: Path, *command: str, timeout: float = 30, files: int | None = None) -> tuple[dict[str, Any], str]:
    """The result of a command and what it said."""

    def few() -> None:
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    launcher = [sys.executable, "-I", measure.__file__, str(folder / "result"), str(folder / "said"), str(timeout)]
    subprocess.run([*launcher, *command], check=True, timeout=60, preexec_fn=few)
    return json.loads((folder / "result").read_text()), (folder / "said").read_text()


def test_a_command_may_open_many_files(tmp_path: Path) -> None:
    _, said = measured(tmp_path, "/bin/sh", "-c", "ulimit -n", files=300)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert int(said) == (16384 if hard == resource.RLIM_INFINITY else min(16384, hard))


def test_the_exit_status_is_told_and_children_are_counted(tmp_path: Path) -> None:
    # The shell waits for a child that burns time and memory and does neither itself.
    burn = "import time; a = bytearray(80 << 20)\nwhile time.process_time() < 0.3: pass"
    result, _ = measured(tmp_path, "/bin/sh", "-c", f"{sys.executable} -c '{burn}'; exit 3")
    assert (result["status"], result["timed_out"]) == (3, False)
    assert result["user"] + result["system"] >= 0.3
    assert result["rss_one"] >= 80 * 1024
    assert result["wall"] > 0


def test_what_is_left_in_the_background_is_ended_and_counted(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(1, flush=True); time.sleep(600)"
    start = f'mkfifo {tmp_path}/done; {sys.executable} -c "{burn}" >{tmp_path}/done & echo $!; read a <{tmp_path}/done'
    result, said = measured(tmp_path, "/bin/sh", "-c", start)
    assert result["user"] + result["system"] >= 0.3
    with pytest.raises(ProcessLookupError):
        os.kill(int(said), 0)


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    result, _ = measured(tmp_path, "/bin/sleep", "600", timeout=0.1)
    assert (result["timed_out"], result["status"]) == (True, -9)


def test_grandchildren_are_descendants() -> None:
    with subprocess.Popen(
        ["/bin/sh", "-c", "sh -c 'echo $$; cat; :'; :"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        found = measure._descendants(os.getpid())
        assert {child.pid, grandchild} <= set(found)
        assert grandchild in measure._descendants(child.pid)
        assert child.pid not in measure._descendants(child.pid)
        assert child.stdin is not None
        child.stdin.close()
