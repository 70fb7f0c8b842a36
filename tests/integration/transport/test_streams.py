"""Much data, in both directions, in bounded memory."""

import asyncio
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]
MIB = 1 << 20


def resident() -> int:
    """This process's memory in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) >> 10


def big_file(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    block = os.urandom(MIB)
    with path.open("wb") as out:
        for number in range(size // MIB):
            piece = number.to_bytes(8, "big") + block[8:]
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


async def test_a_big_file_streams_in_bounded_memory_on_both_sides(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    expected = big_file(tmp_path / "big", 200 * MIB)
    session = pool().session(sshd().spec())
    await session.call(helpers.call("echo", value=1))
    before, peak = resident(), 0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, resident())
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    answer = await session.call(helpers.call("digest", content=tmp_path / "big"))
    watching.cancel()
    assert (answer["size"], answer["sha256"]) == (200 * MIB, expected)
    assert peak - before < 40, f"the controller grew by {peak - before} MiB"
    assert answer["runner_peak"] < 45 * 1024, "KiB in the runner"
    assert answer["peak"] < 45 * 1024, "KiB in the module"


async def test_an_early_answer_stops_the_stream(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as out:
        out.truncate(8 << 30)
    session = pool().session(sshd().spec())
    async with asyncio.timeout(30):
        assert (await session.call(helpers.call("digest", content=tmp_path / "huge", want=10)))["size"] == 10
        assert (await session.call(helpers.call("echo", value=1)))["value"] == 1


async def test_a_long_answer_arrives(sshd: Make, pool: Make, code: Any, helpers: Any, tmp_path: Path) -> None:
    (tmp_path / "modules" / "long.py").write_text(
        "ARGUMENTS = {'n': {'type': 'int'}}\ndef run(task):\n    return {'data': 'x' * task.args['n']}\n"
    )
    session = pool().session(sshd().spec())
    assert len((await session.call(helpers.call("long", n=63 * MIB)))["data"]) == 63 * MIB
    answer = await session.call(helpers.call("long", n=70 * MIB))
    assert answer["failed"] is True
    assert "too long" in answer["msg"]
    assert (await session.call(helpers.call("echo", value=1)))["value"] == 1


async def test_tasks_overlap_with_a_stream(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    expected = big_file(tmp_path / "big", 30 * MIB)
    session = pool().session(sshd().spec())
    calls = [session.call(helpers.call("digest", content=tmp_path / "big")) for _ in range(2)]
    calls += [session.call(helpers.call("echo", value=number)) for number in range(20)]
    answers = await asyncio.gather(*calls)
    assert [answer["sha256"] for answer in answers[:2]] == [expected] * 2
    assert [answer["value"] for answer in answers[2:]] == list(range(20))


async def test_raw_output_of_many_megabytes(sshd: Make, pool: Make, helpers: Any) -> None:
    session = pool().session(sshd().spec())
    done = await session.raw("head -c 30000000 /dev/zero; echo end >&2; exit 3")
    assert (done.status, len(done.stdout), done.stderr) == (3, 30000000, b"end\n")


async def test_a_raw_command_that_takes_too_long_is_stopped(sshd: Make, pool: Make, helpers: Any) -> None:
    from stella_ops.errors import TaskTimeoutError

    session = pool().session(sshd().spec())
    mark = f"29{os.getpid()}"
    with pytest.raises(TaskTimeoutError, match="within 1 seconds"):
        await session.raw(f"sleep {mark}; true", timeout=1)
    await helpers.eventually(lambda: not helpers.living(f"sleep {mark}"))
    assert (await session.raw("kill -TERM $$")).status == -15
