"""The folder of built agent packages: ``<folder>/<version>/stella-agent.pyz``."""

from __future__ import annotations

from pathlib import Path

from stella_ops.errors import ReleaseError
from stella_ops.releases.build import PACKAGE_NAME, AgentPackage, build_agent, describe, package_bytes


def ensure_package(folder: Path, version: str) -> AgentPackage:
    """The package of this version, built when it is missing or the source has changed since.

    The bytes follow from the source alone, so "changed" is decided by them and not by file times.

    Raises:
        ReleaseError: it cannot be built, read or written.
    """
    wanted = package_bytes(version)
    path = folder / version / PACKAGE_NAME
    try:
        present = path.read_bytes() if path.exists() else None
    except OSError as problem:
        raise ReleaseError(f"the agent package cannot be read: {problem.strerror or problem}", where=path) from problem
    if present != wanted:
        return build_agent(path, version)
    return describe(path, version, wanted)
