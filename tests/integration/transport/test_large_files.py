"""Large files over real connections: cut and gone on with, sent as deltas, in bounded memory."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from stella_ops.actions import copy
from stella_ops.actions.base import ActionContext
from stella_ops.errors import UnreachableError
from stella_ops.lab.fault_proxy import FaultProxy
from stella_ops.templating.templar import Templar
from stella_ops.transport.base import Become, HostSession

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]
MIB = 1 << 20


def context(session: HostSession, become: Become | None = None) -> ActionContext:
    return ActionContext(
        host="web",
        variables={},
        templar=Templar(),
        session=session,
        become=become,
        check=False,
        diff=False,
        timeout=0,
        environment={},
        search_path=[],
        keep_secret=lambda value: value,
        scrub=lambda value: value,
    )


@asynccontextmanager
async def behind_a_proxy(server: Any, pool: Make) -> Any:
    async with FaultProxy(server.address, server.port) as proxy:
        args = server.known_hosts() + f" -o HostKeyAlias=[{server.address}]:{server.port}"
        made = pool()
        yield proxy, made.session(server.spec(address="127.0.0.1", port=proxy.port, common_args=args))
        await made.close()


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o644)


@pytest.fixture
def place(account: Make) -> Any:
    return account(sudo="USER ALL=(ALL) NOPASSWD: ALL")


@pytest.mark.parametrize("become", [None, Become()], ids=["login user", "root"])
async def test_a_transfer_that_is_cut_goes_on_where_it_was(
    sshd: Make, place: Any, pool: Make, tmp_path: Path, become: Become | None
) -> None:
    data = random.Random(1).randbytes(64 * MIB)
    write(tmp_path / "big", data)
    dest = place.home / "big"
    async with behind_a_proxy(sshd(user=place.name), pool) as (proxy, session):
        made = context(session, become)
        cut_at: list[int] = []

        def transfer(name: str) -> Callable[[int, int], None]:
            def progress(sent: int, total: int) -> None:
                if not cut_at and proxy.carried["up"] > 32 * MIB:
                    cut_at.append(proxy.carried["up"])
                    proxy.cut()

            return progress

        made.transfer = transfer
        async with asyncio.timeout(120):
            result = await copy.run(made, {"src": str(tmp_path / "big"), "dest": str(dest), "mode": "0640"})
        assert (result["changed"], result["checksum"]) == (True, hashlib.sha1(data).hexdigest())
        assert dest.read_bytes() == data
        assert cut_at and proxy.connections == 2
        # The first half once; what was in the air when it was cut comes again.
        assert proxy.carried["up"] < (64 + 12) * MIB
    assert [path.name for path in place.home.iterdir() if path.name.startswith(".stella-")] == []


async def test_another_run_goes_on_where_the_one_before_was_cut(
    sshd: Make, place: Any, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    data = random.Random(1).randbytes(32 * MIB)
    write(tmp_path / "big", data)
    dest = place.home / "big"
    server = sshd(user=place.name)
    async with behind_a_proxy(server, pool) as (proxy, session):
        made = context(session)

        def transfer(name: str) -> Callable[[int, int], None]:
            def progress(sent: int, total: int) -> None:
                if proxy.carried["up"] > 16 * MIB:
                    proxy.refuse()
                    proxy.cut()

            return progress

        made.transfer = transfer
        async with asyncio.timeout(120):
            with pytest.raises(UnreachableError):
                await copy.run(made, {"src": str(tmp_path / "big"), "dest": str(dest)})
    assert not dest.exists()
    [part] = [path for path in place.home.iterdir() if path.name.startswith(".stella-")]
    await helpers.eventually(lambda: not server.sessions())
    arrived = part.stat().st_size
    assert data.startswith(part.read_bytes()) and arrived > 8 * MIB
    assert part.stat().st_mode & 0o777 == 0o600
    async with behind_a_proxy(server, pool) as (proxy, session):
        async with asyncio.timeout(120):
            await copy.run(context(session), {"src": str(tmp_path / "big"), "dest": str(dest)})
        assert proxy.carried["up"] < len(data) - arrived + MIB
    assert dest.read_bytes() == data
    assert not part.exists()


async def test_what_the_host_has_parts_of_is_sent_as_a_delta(
    sshd: Make, place: Any, pool: Make, tmp_path: Path
) -> None:
    noise = random.Random(1)
    data = noise.randbytes(32 * MIB)
    dest = place.home / "big"
    async with behind_a_proxy(sshd(user=place.name), pool) as (proxy, session):
        carried = []
        for content in (data, data[:5000] + noise.randbytes(333) + data[5000:], data[10 * MIB :] + b"end"):
            write(tmp_path / "big", content)
            before = proxy.carried["up"]
            async with asyncio.timeout(120):
                result = await copy.run(context(session), {"src": str(tmp_path / "big"), "dest": str(dest)})
            carried.append(proxy.carried["up"] - before)
            assert result["changed"] is True
            assert hashlib.sha256(dest.read_bytes()).digest() == hashlib.sha256(content).digest()
        assert carried[0] > 32 * MIB
        assert carried[1] < 256 * 1024
        assert carried[2] < 256 * 1024
        # And what it has whole is not sent at all.
        before = proxy.carried["up"]
        assert (await copy.run(context(session), {"src": str(tmp_path / "big"), "dest": str(dest)}))["changed"] is False
        assert proxy.carried["up"] - before < 64 * 1024


@pytest.mark.parametrize("kind", ["sparse", "noise"])
async def test_a_huge_file_is_placed_in_bounded_memory_on_both_sides(
    sshd: Make, place: Any, pool: Make, helpers: Any, tmp_path: Path, kind: str
) -> None:
    size = int(os.environ.get("STELLA_TEST_HUGE_MIB", "256")) * MIB
    with (tmp_path / "huge").open("wb") as out:
        if kind == "noise":
            block = os.urandom(MIB)
            for number in range(size // MIB):
                out.write(number.to_bytes(8, "big") + block[8:])
        out.truncate(size)
    session = pool().session(sshd(user=place.name).spec())
    made = context(session)
    runner = (await session.hello())["pid"]
    peaks = {"controller": 0, "host": 0}
    before = resident(os.getpid(), "VmRSS")

    def transfer(name: str) -> Callable[[int, int], None]:
        def progress(sent: int, total: int) -> None:
            peaks["controller"] = max(peaks["controller"], resident(os.getpid(), "VmRSS"))
            if sent % (16 * MIB) == 0:
                for pid in (runner, *helpers.children(runner)):
                    peaks["host"] = max(peaks["host"], resident(pid, "VmHWM"))

        return progress

    made.transfer = transfer
    dest = place.home / "huge"
    async with asyncio.timeout(600):
        result = await copy.run(made, {"src": str(tmp_path / "huge"), "dest": str(dest)})
    assert (result["changed"], result["size"]) == (True, size)
    assert digest(dest) == digest(tmp_path / "huge")
    print(f"peaks in MiB: {peaks}, controller before: {before}")
    assert peaks["controller"] - before < 60, peaks
    assert 0 < peaks["host"] < 45, peaks


def resident(pid: int, name: str) -> int:
    """A process's memory in MiB; 0 when it is gone."""
    try:
        found = re.search(name + r":\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) >> 10 if found else 0


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
