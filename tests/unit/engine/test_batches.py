from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.engine.batches import batches
from stella_ops.errors import PlaybookError

HOSTS = [f"h{n}" for n in range(10)]


@pytest.mark.parametrize(
    ("serial", "sizes"),
    [
        (None, [10]),
        ([], [10]),
        (3, [3, 3, 3, 1]),
        ("4", [4, 4, 2]),
        ("30%", [3, 3, 3, 1]),
        ("1%", [1] * 10),
        ("100%", [10]),
        ("250%", [10]),
        (0, [10]),
        (20, [10]),
        ([1, "20%", 5], [1, 2, 5, 2]),
        ([1, 0], [1, 9]),
    ],
)
def test_sizes(serial: object, sizes: list[int]) -> None:
    assert [len(batch) for batch in batches(HOSTS, serial)] == sizes


@pytest.mark.parametrize("serial", ["few", True, ["1", "x"], "30 percent", {}])
def test_what_is_no_size(serial: object) -> None:
    with pytest.raises(PlaybookError, match="serial cannot be"):
        batches(HOSTS, serial)


@given(
    hosts=st.lists(st.text(min_size=1), max_size=50, unique=True),
    serial=st.one_of(
        st.integers(0, 60), st.integers(1, 100).map("{}%".format), st.lists(st.integers(1, 9), min_size=1)
    ),
)
def test_every_host_once_in_order(hosts: list[str], serial: object) -> None:
    made = batches(hosts, serial)
    assert [host for batch in made for host in batch] == hosts
    assert all(made) or not hosts
