"""An index of modules that does not change with the modules that happen to be there."""

from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.playbook.module_index import ModuleSpec, SourceModuleIndex

COMMAND = {
    **{name: {"type": "str"} for name in ("cmd", "creates", "removes", "chdir", "executable", "stdin")},
    "argv": {"type": "list"},
}
SPECS = [
    ModuleSpec("command", COMMAND, "cmd"),
    ModuleSpec("shell", COMMAND, "cmd"),
    ModuleSpec("raw", {"cmd": {"type": "str", "required": True}, "executable": {"type": "str"}}, "cmd"),
    ModuleSpec("ping", {"data": {"type": "str", "default": "pong"}}),
    ModuleSpec("debug", {"msg": {"type": "raw"}, "var": {"type": "str"}, "verbosity": {"type": "int"}}),
    ModuleSpec("set_fact"),
    ModuleSpec("validate_argument_spec"),
    ModuleSpec("fail", {"msg": {"type": "str"}}),
    ModuleSpec(
        "copy",
        {
            "src": {"type": "path"},
            "dest": {"type": "path", "required": True},
            "content": {"type": "raw"},
            "mode": {"type": "raw"},
        },
    ),
    ModuleSpec(
        "file",
        {
            "path": {"type": "path", "required": True, "aliases": ["dest", "name"]},
            "state": {"type": "str", "choices": ["file", "directory", "absent", "touch", "link", "hard"]},
            "mode": {"type": "raw"},
        },
    ),
]


@pytest.fixture
def modules() -> SourceModuleIndex:
    return SourceModuleIndex(actions={spec.name: spec for spec in SPECS})


@pytest.fixture
def write(tmp_path: Path):
    """Writes a playbook and returns its path."""

    def to_file(text: str, name: str = "site.yml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return to_file
