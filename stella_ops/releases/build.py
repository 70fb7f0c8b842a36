"""Builds the agent package: one zipapp, the same bytes from the same source wherever it is built.

The members are sorted, carry one fixed time and fixed permissions, and are stored uncompressed: what a
compressor writes differs between zlib's versions, the whole is small, and a host's Python needs no zlib then.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from stella_ops import atomic_files
from stella_ops.errors import ReleaseError

PACKAGE_NAME = "stella-agent.pyz"
SHEBANG = b"#!/usr/bin/env python3\n"
VERSION_PATTERN = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}\Z")

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can tell
_REMOTE = Path(__file__).resolve().parent.parent / "remote"
_MAIN = """\
import os
import sys

# The path as installed goes through the link `current`. A running agent stays with the file that it was
# started from, whatever that link names later.
here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [os.path.realpath(here)] + [path for path in sys.path if os.path.abspath(path) != here]

from stella_ops.remote.agent.cli import main  # noqa: E402

sys.exit(main())
"""


@dataclass(frozen=True, slots=True)
class AgentPackage:
    """A built package: where it is, what it is, ``sha256`` in hex and ``size`` in bytes of the file."""

    path: Path
    version: str
    sha256: str
    size: int


def build_agent(output: Path, version: str) -> AgentPackage:
    """Build the package into the file ``output``, replacing it atomically.

    Raises:
        ReleaseError: the version cannot be one, the source cannot be read, or ``output`` cannot be written.
    """
    data = package_bytes(version)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        atomic_files.write(output, data, mode=0o755)
    except OSError as problem:
        raise ReleaseError(
            f"the agent package cannot be written: {problem.strerror or problem}", where=output
        ) from problem
    return describe(output, version, data)


def describe(path: Path, version: str, data: bytes) -> AgentPackage:
    """What is known of a package whose file at ``path`` holds ``data``."""
    return AgentPackage(path, version, hashlib.sha256(data).hexdigest(), len(data))


def package_bytes(version: str) -> bytes:
    """The bytes of the package of this source, stamped with ``version``.

    Raises:
        ReleaseError: the version cannot be one, or the source cannot be read.
    """
    if not VERSION_PATTERN.match(version):
        raise ReleaseError(
            f"'{version}' cannot be a version", hint="use letters, digits, '.', '+', '_' and '-', as in 1.2.3"
        )
    try:
        members = {
            "__main__.py": _MAIN.encode(),
            "stella_ops/__init__.py": b"",
            "stella_ops/remote/agent/VERSION": f"{version}\n".encode(),
        }
        for path in _sources():
            members[f"stella_ops/remote/{path.relative_to(_REMOTE).as_posix()}"] = path.read_bytes()
    except OSError as problem:
        raise ReleaseError(
            f"the agent's source cannot be read: {problem.strerror or problem}",
            where=problem.filename,
            hint="install stella-ops again",
        ) from problem
    archive = io.BytesIO()
    archive.write(SHEBANG)  # before the archive is begun, so that its offsets count from the file's start
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as package:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.create_system = 3  # Unix, whatever it is built on
            entry.external_attr = 0o100644 << 16
            package.writestr(entry, members[name])
    return archive.getvalue()


def _sources() -> list[Path]:
    """The agent's own files, and of ``remote/lib`` those that they import, directly or through another."""
    found = {_REMOTE / "__init__.py"}
    waiting = sorted((_REMOTE / "agent").glob("*.py"))
    if not waiting:
        raise ReleaseError("the agent's source is not there", where=_REMOTE / "agent")
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imports(path))
    return sorted(found)


def _imports(path: Path) -> list[Path]:
    """The files below ``remote`` that a file imports, with the ``__init__`` of their packages."""
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as problem:
        raise ReleaseError(f"the agent's source is broken: {problem}", where=path) from problem
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    found = []
    for name in names:
        parts = name.split(".")
        if parts[:2] != ["stella_ops", "remote"]:
            continue
        for length in range(2, len(parts) + 1):
            place = _REMOTE.joinpath(*parts[2:length])
            if (place / "__init__.py").is_file():
                found.append(place / "__init__.py")
            elif length > 2 and place.with_suffix(".py").is_file():
                found.append(place.with_suffix(".py"))
    return found
