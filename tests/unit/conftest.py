"""Collections written for a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stella_ops.collections import Collections, use


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Callable[..., Collections]]:
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

    yield write
    use(None)
