"""Write ``recorded.json``: what ansible-core answers to ``cases.py``.

    python tests/unit/remote/lib/module_utils/record.py VENV/bin/python

Not part of the test suite: it needs ansible-core.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    command = [sys.argv[1], str(HERE / "cases.py"), "peer"]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    found = json.loads(said.splitlines()[-1])
    lines = (f"{json.dumps(name)}: {json.dumps(value, sort_keys=True)}" for name, value in found.items())
    (HERE / "recorded.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
