from pathlib import Path

import pytest

from stella_ops.errors import InventoryError
from stella_ops.transport.base import ConnectionSpec, ModuleCall
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.pool import SessionPool


async def test_a_host_has_one_session_until_it_is_dropped(code: CodeLibrary) -> None:
    pool = SessionPool(code)
    spec = ConnectionSpec(name="here", kind="local")
    session = pool.session(spec)
    assert pool.session(ConnectionSpec(name="here", kind="local")) is session
    assert (await session.call(ModuleCall(module="echo", args={"value": 1})))["value"] == 1
    await pool.drop(spec)
    other = pool.session(spec)
    assert other is not session
    assert (await other.call(ModuleCall(module="echo", args={"value": 2})))["value"] == 2
    await pool.close()


async def test_closing_leaves_no_runner(code: CodeLibrary) -> None:
    pool = SessionPool(code)
    pids = [(await pool.session(ConnectionSpec(name=f"h{n}", kind="local")).hello())["pid"] for n in range(3)]
    await pool.close()
    import asyncio

    async with asyncio.timeout(10):
        while any(Path(f"/proc/{pid}").exists() for pid in pids):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["ssh", "smart", "paramiko"])
def test_ssh_by_its_names(code: CodeLibrary, kind: str) -> None:
    assert type(SessionPool(code).session(ConnectionSpec(name="h", kind=kind))).__name__ == "SshSession"


def test_an_unknown_kind_is_an_error_with_the_nearest(code: CodeLibrary) -> None:
    with pytest.raises(InventoryError, match="the connection plugin 'loca' was not found") as caught:
        SessionPool(code).session(ConnectionSpec(name="h", kind="loca"))
    assert "local" in str(caught.value.hint)


@pytest.mark.parametrize("kind", ["winrm", "docker", "community.docker.docker"])
async def test_anothers_plug_in_is_refused_when_it_is_used(code: CodeLibrary, kind: str) -> None:
    session = SessionPool(code).session(ConnectionSpec(name="h", kind=kind))
    for used in (
        session.call(ModuleCall(module="ping", args={})),
        session.raw("true"),
        session.hello(),
        session.login(),
    ):
        with pytest.raises(InventoryError, match=f"the connection plugin '{kind}' is not supported"):
            await used
    await session.close()
