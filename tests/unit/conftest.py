"""Collections written for a test, and the Pythons that hosts may have."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stella_ops.collections import Collections, use


@pytest.fixture(autouse=True)
def nothing_left_unsaid() -> Iterator[None]:
    """What a test has said of collections and playbooks is not for the next one to hear."""
    yield
    use(None)


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., Collections]:
    """Writes files of collections below a folder, and uses the collections there.

    Files are named ``ns.coll/path``; a name may be given twice in different ``place``s.
    """

    def write(files: dict[str, str], *, place: str = "here", also: tuple[str, ...] = (), **options: str) -> Collections:
        for name, text in files.items():
            collection, _, rest = name.partition("/")
            path = tmp_path / place / "ansible_collections" / collection.replace(".", "/") / rest
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        made = Collections((), [tmp_path / each for each in (place, *also)], **options)
        use(made)
        return made

    return write


@pytest.fixture(params=["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "system"])
def host_python(request: pytest.FixtureRequest) -> str:
    """An interpreter for what runs on hosts: pyenv's of a version or the system's, or a skipped test."""
    if request.param == "system":
        found = [path for path in (Path("/usr/bin/python3"),) if path.exists()]
    else:
        root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
        found = sorted(root.glob(f"{request.param}.*/bin/python"))
    if not found:
        pytest.skip(f"no Python {request.param} on this machine")
    return str(found[-1])
