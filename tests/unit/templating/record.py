"""Record what ansible-core makes of the templates in ``recorded.yml``.

    VENV/bin/python tests/unit/templating/record.py [--write]

Run it with the Python of an ansible-core 2.19. Without ``--write`` it tells what differs from the file. A template
that ansible-core refuses is recorded as ``error: true``. Not part of the test suite.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

FILE = Path(__file__).parent / "recorded.yml"


def made_by_ansible(text: str, variables: dict[str, Any]) -> dict[str, Any]:
    loader = DataLoader()
    loader.set_basedir(str(FILE.parent))
    try:
        value = Templar(loader, variables).template(trust_as_template(text))
        return {"result": json.loads(json.dumps(value, default=str))}
    except Exception:
        return {"error": True}


def main() -> int:
    written = FILE.read_text(encoding="utf-8")
    head = written[: written.index("cases:\n")]
    trusted = DataLoader().load_from_file(str(FILE), trusted_as_template=True)
    lines, different = [], 0
    for case in yaml.safe_load(written)["cases"]:
        found = made_by_ansible(case["template"], trusted["variables"])
        own = {key: value for key, value in case.items() if key in ("differs",)}
        wanted = {key: value for key, value in case.items() if key in ("result", "error")}
        if wanted != found and not own:
            different += 1
            print(f"{case['template']}\n    recorded {wanted}\n    now      {found}")
        entry = {"template": case["template"], **own, **(wanted if own and wanted else found)}
        for index, (key, value) in enumerate(entry.items()):
            lines.append(f"  {'-' if not index else ' '} {key}: {json.dumps(value, ensure_ascii=False)}\n")
    if "--write" in sys.argv:
        FILE.write_text(head + "cases:\n" + "".join(lines), encoding="utf-8")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
