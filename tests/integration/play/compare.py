"""Run the cases with ansible-core: to record what is expected, or to see where stella-ops differs.

    python tests/integration/play/compare.py --peer VENV/bin/ansible-playbook [--record] [CASE...]

``scripts/peer`` installs ansible-core into ``.venv-peer``. That what is recorded is what it does is tested by
``test_against_ansible.py``.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import case as cases
import program
import transcript


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
                    outcomes.append(program.run(command, found, label, Path(folder), transcript))
            (their_exit, theirs), (our_exit, mine) = ((one.status, one.transcript) for one in outcomes)
            said = outcomes[1].said
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
