"""Run the cases with ansible-core: to record what is expected, or to see where stella-ops differs.

    python tests/integration/play/compare.py --peer VENV/bin/ansible-playbook [--record] [CASE...]

Not part of the test suite: it needs ansible-core, which this project does not depend on.
"""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import case as cases
from transcript import KEYS, normalize


def run(command: list[str], found: cases.Case, name: str, work: Path) -> tuple[int, str, str]:
    """Run a case with a program; exit status, comparable transcript, all that it printed."""
    environment = {
        **os.environ,
        "STELLA_HOME": str(work / ".stella"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_HOME": str(work / ".ansible"),
        "NO_COLOR": "1",
        "PYTHONFAULTHANDLER": "1",
        "HOME": str(work),
        "LC_ALL": "C.UTF-8",
        **found.environment,
    }
    args = [*command, *found.unpack(work), *found.runs[name]]
    # Standard output and error apart: warnings of either program are its own.
    process = subprocess.Popen(
        args,
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # faulthandler then says where it hangs
        stdout, stderr = process.communicate()
        print(f"=== {found.name}: HANGS\n{stderr}")
    transcript = normalize(stdout, str(work), (*KEYS, *found.keys))
    return process.returncode, transcript, stdout + stderr


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--record", action="store_true", help="write expected files")
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    ours = [str(Path(sys.executable).with_name("stella-ops")), "play"]
    different = 0
    for name in options.cases or cases.names():
        found = cases.load(name)
        for label in found.runs:
            title = f"{name} {label}".strip()
            outcomes = []
            for command in ([options.peer], ours):
                with tempfile.TemporaryDirectory() as folder:
                    outcomes.append(run(command, found, label, Path(folder)))
            (their_exit, theirs, _), (our_exit, mine, said) = outcomes
            if found.no_transcript:
                theirs = mine = ""
            wanted_exit = found.peer_exits.get(label, our_exit)
            same = theirs == mine and their_exit == wanted_exit
            if found.no_transcript and our_exit != found.exits.get(label, our_exit):
                same = False
            if not same and not found.differs:
                different += 1
                print(f"=== {title}: exit {their_exit} there, {our_exit} here")
                sys.stdout.writelines(
                    difflib.unified_diff(theirs.splitlines(True), mine.splitlines(True), "ansible-core", "stella-ops")
                )
            elif found.differs:
                print(f"=== {title}: {'differs' if not same else 'does NOT differ'} on purpose: {found.differs}")
            else:
                print(f"    {title}: same")
            if found.no_transcript:
                if not same:
                    print(said)
                continue
            if options.record:
                status, text = (our_exit, mine) if found.differs else (their_exit, theirs)
                found.expected(label).write_text(f"exit status {status}\n\n{text}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
