"""Collections, roles and hostile archives to work with."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from stella_ops.galaxy.manifest import Entry, digest, written
from stella_ops.galaxy.skeletons import new_collection, new_role

INFO = {"namespace": "acme", "name": "tools", "version": "1.0.0", "dependencies": {}}


@pytest.fixture
def collection(tmp_path: Path) -> Callable[..., Path]:
    """Makes a collection's folder: name, version, what it depends on."""

    def make(name: str = "acme.tools", version: str = "1.0.0", depends: Mapping[str, str] | None = None) -> Path:
        folder = new_collection(name, tmp_path / "src", force=True)
        path = folder / "galaxy.yml"
        text = path.read_text().replace("version: 1.0.0", f"version: {version}")
        path.write_text(text.replace("dependencies: {}", f"dependencies: {json.dumps(dict(depends or {}))}"))
        module = folder / "plugins" / "modules" / "note.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(f"# of {version}\n")
        (folder / "run.sh").write_text("#!/bin/sh\n")
        (folder / "run.sh").chmod(0o755)
        return folder

    return make


@pytest.fixture
def role(tmp_path: Path) -> Path:
    """A role's folder."""
    return new_role("web", tmp_path / "roles-src")


@pytest.fixture
def repository() -> Callable[[Path, str], str]:
    """Makes a folder a repository with a tag; its address."""

    def make(folder: Path, tag: str) -> str:
        author = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-q", "-m", "all"], ["tag", tag]):
            subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)
        return f"file://{folder}"

    return make


Member = tuple[str, bytes | str, dict[str, Any]]


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    """Makes an archive of members as they are given: (name, content or link, attributes); a manifest in front."""

    def make(*members: Member, listed: Mapping[str, bytes | None] | None = None, info: Any = INFO) -> Path:
        path = tmp_path / "hostile.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            if listed is not None:
                entries = [Entry(name, None if body is None else digest(body)) for name, body in listed.items()]
                manifest, files = written(info, entries)
                members = (("MANIFEST.json", manifest, {}), ("FILES.json", files, {}), *members)
            for name, body, more in members:
                about = tarfile.TarInfo(name)
                about.mode = 0o644
                if isinstance(body, str):
                    about.type, about.linkname = tarfile.SYMTYPE, body
                else:
                    about.size = len(body)
                for key, value in more.items():
                    setattr(about, key, value)
                tar.addfile(about, io.BytesIO(body) if isinstance(body, bytes) else None)
        return path

    return make
