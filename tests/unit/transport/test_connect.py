from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.errors import AuthenticationError, HostKeyError, InventoryError, UnreachableError
from stella_ops.transport.base import ConnectionSpec
from stella_ops.transport.connect import Connector, SshSettings
from stella_ops.transport.host_keys import HostKeys
from stella_ops.transport.jump_hosts import parse_hop

NAME = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True)


@given(st.none() | st.from_regex(r"[a-z_][a-z0-9_@.-]{0,12}", fullmatch=True), NAME, st.none() | st.integers(1, 65535))
def test_jump_hosts_come_out_as_written(user: str | None, host: str, port: int | None) -> None:
    text = (f"{user}@" if user else "") + host + (f":{port}" if port else "")
    assert parse_hop(text, "web") == (user, host, port)
    assert parse_hop(f"ssh://{text}", "web") == (user, host, port)


@pytest.mark.parametrize(
    ("text", "hop"),
    [("[::1]", (None, "::1", None)), ("ops@[fe80::1%eth0]:22", ("ops", "fe80::1%eth0", 22))],
)
def test_addresses_with_colons_stand_in_brackets(text: str, hop: tuple[object, ...]) -> None:
    assert parse_hop(text, "web") == hop


@pytest.mark.parametrize("text", ["", "a:b", "a:0", "a:70000", "::1", "@a", "http://a", "a/b"])
def test_what_is_no_jump_host_is_an_error(text: str) -> None:
    with pytest.raises(InventoryError, match="is no jump host"):
        parse_hop(text, "web")


async def test_a_host_is_tried_as_often_as_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What cannot become better is not tried again."""
    problems: list[UnreachableError] = []
    pauses: list[float] = []

    async def through(*_: object) -> str:
        if problems:
            raise problems.pop()
        return "connected"

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    connector = Connector(SshSettings(host_keys=HostKeys(tmp_path / "known_hosts"), config_files=[]))
    monkeypatch.setattr(connector, "through", through)
    monkeypatch.setattr("stella_ops.transport.connect.asyncio.sleep", sleep)
    problems += [UnreachableError("down")] * 3
    assert await connector.connect(ConnectionSpec(name="a", retries=3)) == "connected"  # type: ignore[comparison-overlap]
    assert pauses == [0, 1, 3]
    for final, retries in (
        (UnreachableError("down"), 0),
        (AuthenticationError("no"), 2),
        (HostKeyError("other"), 2),
    ):
        problems[:] = [final]
        with pytest.raises(type(final)):
            await connector.connect(ConnectionSpec(name="a", retries=retries))
    assert pauses == [0, 1, 3]
