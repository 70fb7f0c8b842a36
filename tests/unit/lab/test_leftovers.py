import subprocess
import sys
from pathlib import Path

from stella_ops.lab import leftovers, processes

AGENT = """
import os, pathlib, signal, sys
prefix = pathlib.Path(sys.argv[sys.argv.index("--prefix") + 1])
if sys.argv[1] == "stop":
    (prefix / "asked").write_text("yes")
    os.kill(int((prefix / "run/supervisor.pid").read_text()), signal.SIGINT)
"""


def start_in(folder: Path, code: str) -> subprocess.Popen[str]:
    folder.mkdir(parents=True, exist_ok=True)
    child = subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    return child


def record(prefix: Path, pid: int) -> None:
    (prefix / "run").mkdir(parents=True, exist_ok=True)
    (prefix / "run" / "supervisor.pid").write_text(f"{pid}\n")


def test_a_process_of_the_folder_is_stopped(tmp_path: Path) -> None:
    prefix = tmp_path / "stella-agent"
    with start_in(prefix, "import signal; print(1, flush=True); signal.pause()") as child:
        record(prefix, child.pid)
        assert leftovers.stop_below(tmp_path) == [f"stopped the agent in {prefix}"]
        assert child.wait(10) != 0
    assert leftovers.stop_below(tmp_path) == []


def test_an_agent_is_asked_to_stop_by_itself_first(tmp_path: Path) -> None:
    prefix = tmp_path / "stella-agent"
    code = "import signal, sys; signal.signal(2, lambda *_: sys.exit(5)); print(1, flush=True); signal.pause()"
    with start_in(prefix, code) as child:
        record(prefix, child.pid)
        (prefix / "current").mkdir()
        (prefix / "current" / "stella-agent.pyz").write_text(AGENT)
        leftovers.stop_below(tmp_path)
        assert child.wait(10) in (5, -15)
    assert (prefix / "asked").read_text() == "yes"


def test_a_stranger_with_a_stale_number_is_spared(tmp_path: Path) -> None:
    with start_in(tmp_path / "elsewhere", "import signal; print(1, flush=True); signal.pause()") as child:
        record(tmp_path / "host" / "stella-agent", child.pid)
        assert leftovers.stop_below(tmp_path / "host") == []
        assert processes.is_alive(child.pid)
        child.kill()
