"""Variables whose names are words of the language are told, each once."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator
from pathlib import Path

import pytest

from stella_ops.collections import current
from stella_ops.engine.reserved_names import RESERVED, warn_of
from stella_ops.source_files import load_yaml


@pytest.fixture
def said() -> Iterator[list[str]]:
    found: list[str] = []
    current().listen(lambda notice: found.append(notice.text))
    yield found
    current().listen(None)


def test_each_is_told_with_its_place(said: list[str], tmp_path: Path) -> None:
    text = "fine: 1\nport: 5\nlookup: 1\nvars: 2\n"
    layer = load_yaml(text, str(tmp_path / "v.yml"))
    seen: set[int] = set()
    warn_of([ChainMap(layer), {"when_port": 1, "gather_subset": 1}], seen)
    warn_of([layer], seen)
    assert said == [
        f"Found variable using reserved name 'port'.\nOrigin: {tmp_path}/v.yml:2:1",
        f"Found variable using reserved name 'lookup'.\nOrigin: {tmp_path}/v.yml:3:1",
    ]


def test_the_words_are_those_of_plays_blocks_tasks_and_templates() -> None:
    assert {"hosts", "rescue", "async", "loop_with", "query", "local_action"} <= RESERVED
    assert RESERVED.isdisjoint({"item", "vars", "gather_subset", "listen", "inventory_hostname"})
