"""Lookups with an effect wait for their task's turn: ahead of it some variables are not known yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import NotYet
from stella_ops.origins import Origin, SourceText
from stella_ops.templating.plugins import folders
from stella_ops.templating.templar import Templar

PLUGIN = """
from pathlib import Path
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        Path(terms[0]).touch()
        return []
"""


class NotDecided(dict[str, Any]):
    """Variables of which some come from a task that still runs."""

    def __iter__(self) -> Iterator[str]:
        raise NotYet


@pytest.mark.parametrize(
    "look",
    ["'password', p", "'pipe', 'touch ' ~ p", "'lines', 'touch ' ~ p", "'url', 'http://127.0.0.1:1/'", "'mine', p"],
)
def test_it_waits_and_has_had_no_effect(tmp_path: Path, look: str) -> None:
    (tmp_path / "lookup_plugins").mkdir()
    (tmp_path / "lookup_plugins" / "mine.py").write_text(PLUGIN)
    folders.forget()
    folders.use_beside(tmp_path)
    text = SourceText("{{ lookup(" + look + ") }}", Origin("p.yml", 1))
    try:
        with pytest.raises(NotYet):
            Templar().render(text, NotDecided(p=str(tmp_path / "made")))
    finally:
        folders.forget()
    assert not (tmp_path / "made").exists()
