from __future__ import annotations

import pytest

from stella_ops.remote.lib import connections

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue\n"


@pytest.fixture
def tables(tmp_path):
    """Tables as a little-endian kernel writes them: port 8080 with peers in several states."""
    four = HEADER + (
        "   0: 0100007F:1F90 00000000:0000 0A 0 0\n"  # listens
        "   1: 0100007F:1F90 0200007F:C000 01 0 0\n"  # established, from 127.0.0.2
        "   2: 0500000A:1F90 0600000A:C001 06 0 0\n"  # time-wait, 10.0.0.5 from 10.0.0.6
        "   3: 0100007F:1F91 0200007F:C002 01 0 0\n"  # another port
    )
    six = HEADER + (
        # established, ::ffff:10.0.0.5 from ::ffff:10.0.0.7; established, ::1 from ::1
        "   0: 0000000000000000FFFF00000500000A:1F90 0000000000000000FFFF00000700000A:C000 01 0 0\n"
        "   1: 00000000000000000000000001000000:1F90 00000000000000000000000001000000:C000 01 0 0\n"
    )
    (tmp_path / "tcp").write_text(four)
    (tmp_path / "tcp6").write_text(six)
    return [str(tmp_path / "tcp"), str(tmp_path / "tcp6"), str(tmp_path / "none")]


@pytest.mark.parametrize(
    ("host", "excluded", "states", "count"),
    [
        ("127.0.0.1", [], ["ESTABLISHED"], 1),
        ("127.0.0.1", ["127.0.0.2"], ["ESTABLISHED"], 0),
        ("10.0.0.5", [], ["ESTABLISHED", "TIME_WAIT"], 2),
        ("10.0.0.5", ["10.0.0.7"], ["ESTABLISHED", "TIME_WAIT"], 1),
        ("0.0.0.0", [], ["ESTABLISHED"], 3),
        ("::1", [], ["ESTABLISHED"], 1),
        ("::", [], ["ESTABLISHED", "TIME_WAIT"], 4),
        ("127.0.0.1", [], ["SYN_SENT"], 0),
    ],
)
def test_counting(tables, monkeypatch, host, excluded, states, count):
    monkeypatch.setattr(connections.sys, "byteorder", "little")
    assert connections.count_active(host, 8080, excluded, states, tables) == count
