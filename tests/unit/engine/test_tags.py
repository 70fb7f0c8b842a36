"""The table is that of ansible-core's ``Taggable.evaluate_tags``; cases/tags_select compares real runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.engine.tags import is_selected


@pytest.mark.parametrize(
    ("tags", "only", "skip", "runs"),
    [
        ("", "all", "", True),
        ("x", "all", "", True),
        ("x", "x", "", True),
        ("x", "y", "", False),
        ("", "x", "", False),
        ("always", "x", "", True),
        ("never", "all", "", False),
        ("never", "never", "", True),
        ("never x", "x", "", True),
        ("never x", "tagged", "", False),
        ("never always", "all", "", True),
        ("x", "tagged", "", True),
        ("", "tagged", "", False),
        ("", "untagged", "", True),
        ("x", "untagged", "", False),
        ("x", "all", "x", False),
        ("x y", "x", "y", False),
        ("always", "all", "always", False),
        ("always", "all", "all", True),
        ("always", "all", "all always", False),
        ("x", "all", "tagged", False),
        ("", "all", "tagged", True),
        ("", "all", "untagged", False),
    ],
)
def test_rules(tags: str, only: str, skip: str, runs: bool) -> None:
    assert is_selected(tags.split(), only.split(), skip.split()) is runs


@given(st.frozensets(st.sampled_from(["a", "b", "always", "never"])), st.frozensets(st.sampled_from(["a", "b", "all"])))
def test_skipping_all_leaves_always_alone(tags: frozenset[str], only: frozenset[str]) -> None:
    assert not is_selected(tags, only, {"all"}) or "always" in tags
