from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.actions import copy
from stella_ops.actions.base import ActionFailure
from stella_ops.errors import UnreachableError
from stella_ops.transport.content import RESUMABLE


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def test_content(make_context: Callable[..., Any], session: Any) -> None:
    await copy.run(make_context(check=True, diff=True), {"content": "text\n", "dest": "/x", "mode": "0600"})
    [call] = session.calls
    assert (call.module, call.content, call.check, call.diff) == ("copy", b"text\n", True, True)
    assert call.args == {
        "dest": "/x",
        "mode": "0600",
        "_content_sha256": sha256(b"text\n"),
        "_content_sha1": hashlib.sha1(b"text\n").hexdigest(),
        "_content_size": 5,
    }


@pytest.mark.parametrize(("value", "sent"), [({"a": [1]}, b'{"a": [1]}'), ("", b""), (7, b"7")])
async def test_content_that_is_data(make_context: Callable[..., Any], session: Any, value: Any, sent: bytes) -> None:
    await copy.run(make_context(), {"content": value, "dest": "/x"})
    assert session.calls[0].content == sent


async def test_a_file_is_found_in_files_first(make_context: Callable[..., Any], session: Any, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "f").write_text("in files")
    (tmp_path / "f").write_text("beside")
    (tmp_path / "files" / "f").chmod(0o640)
    await copy.run(make_context(), {"src": "f", "dest": "/d/", "mode": "preserve"})
    [call] = session.calls
    assert call.content.path == tmp_path / "files" / "f"
    assert (call.args["mode"], call.args["_source_name"]) == ("0640", "f")
    assert call.args["_content_sha256"] == sha256(b"in files")


async def test_a_file_that_is_not_there(make_context: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ActionFailure) as caught:
        await copy.run(make_context(), {"src": "nothere", "dest": "/x"})
    assert str(tmp_path / "files" / "nothere") in caught.value.result["msg"]


@pytest.mark.parametrize("args", [{"dest": "/x"}, {"dest": "/x", "src": "a", "content": "b"}, {"content": "x"}])
async def test_what_is_missing_or_too_much(make_context: Callable[..., Any], args: dict[str, Any]) -> None:
    with pytest.raises(ActionFailure):
        await copy.run(make_context(), args)


@pytest.mark.parametrize(("src", "base"), [("tree", "/d/tree"), ("tree/", "/d")])
async def test_a_folder(make_context: Callable[..., Any], session: Any, tmp_path: Path, src: str, base: str) -> None:
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "one").write_text("1")
    (tmp_path / "tree" / "deep" / "two").write_text("2")
    await copy.run(make_context(), {"src": src, "dest": "/d", "mode": "0644", "directory_mode": "0755"})
    made = [(c.module, c.args.get("path") or c.args["dest"], c.args.get("mode")) for c in session.calls]
    assert [*made[:2], *sorted(made[2:])] == [
        ("file", base, "0755"),
        ("file", f"{base}/deep", "0755"),
        ("copy", f"{base}/deep/two", "0644"),
        ("copy", f"{base}/one", "0644"),
    ]


async def test_a_folder_stops_soon_after_the_first_failure(
    make_context: Callable[..., Any], session: Any, tmp_path: Path
) -> None:
    (tmp_path / "tree").mkdir()
    for number in range(100):
        (tmp_path / "tree" / f"{number:03}").write_text("x")
    session.answer = lambda call: {"failed": call.args.get("_source_name") == "020", "changed": True, "msg": "full"}
    result = await copy.run(make_context(), {"src": "tree/", "dest": "/d"})
    assert result["failed"]
    # Files are read in threads, so how many had gone before the one that failed is not known.
    failed = [number for number, call in enumerate(session.calls) if call.args.get("_source_name") == "020"]
    assert len(failed) == 1
    assert len(session.calls) - failed[0] <= copy.AT_ONCE


async def test_the_files_of_a_folder_travel_side_by_side(
    make_context: Callable[..., Any], session: Any, tmp_path: Path
) -> None:
    """All that may be on their way at once are, and no more; folders are there before anything in them."""
    (tmp_path / "tree" / "a" / "b").mkdir(parents=True)
    for number in range(50):
        (tmp_path / "tree" / "a" / f"{number:03}").write_text("x")
    running, most, made = 0, 0, []
    gate = asyncio.Barrier(copy.AT_ONCE)

    async def call(call: Any, become: Any = None) -> dict[str, Any]:
        nonlocal running, most
        if call.module == "file":
            made.append(call.args["path"])
            return {"changed": False}
        assert made == ["/d", "/d/a", "/d/a/b"]
        running += 1
        most = max(most, running)
        if most < copy.AT_ONCE or gate.n_waiting:
            await gate.wait()
        await asyncio.sleep(0)
        running -= 1
        return {"changed": call.args["dest"].endswith("049"), "path": call.args["dest"]}

    session.call = call
    async with asyncio.timeout(20):
        result = await copy.run(make_context(), {"src": "tree/", "dest": "/d"})
    assert result == {"changed": True, "dest": "/d/", "src": f"{tmp_path / 'tree'}/"}
    assert most == copy.AT_ONCE


async def test_links_are_files_or_links(make_context: Callable[..., Any], session: Any, tmp_path: Path) -> None:
    (tmp_path / "tree" / "real").mkdir(parents=True)
    (tmp_path / "tree" / "link").symlink_to("real")
    await copy.run(make_context(), {"src": "tree/", "dest": "/d", "local_follow": False})
    assert [(c.args["path"], c.args["state"]) for c in session.calls] == [
        ("/d", "directory"),
        ("/d/real", "directory"),
        ("/d/link", "link"),
    ]
    assert session.calls[2].args["src"] == "real"


async def test_a_file_is_hashed_once_for_all_hosts_and_again_when_it_changes(
    make_context: Callable[..., Any], session: Any, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(b"one")
    context = make_context()
    for _ in range(3):
        await copy.run(context, {"src": "f", "dest": "/x"})
    (tmp_path / "f").write_bytes(b"other")
    await copy.run(context, {"src": "f", "dest": "/x"})
    first, second, third, changed = (call.content for call in session.calls)
    assert first is second is third
    assert changed.sha256 == sha256(b"other")


@pytest.mark.parametrize(("size", "calls"), [(RESUMABLE, 2), (RESUMABLE - 1, 1)])
@pytest.mark.parametrize("travelled", [True, False])
async def test_a_large_transfer_that_is_cut_is_tried_once_more(
    make_context: Callable[..., Any], session: Any, tmp_path: Path, size: int, calls: int, travelled: bool
) -> None:
    with (tmp_path / "f").open("wb") as file:
        file.truncate(size)

    def cut(call: Any) -> dict[str, Any]:
        if travelled:
            call.progress(1000, size)
        raise UnreachableError("the connection to the host broke")

    session.answer = cut
    with pytest.raises(UnreachableError):
        await copy.run(make_context(), {"src": "f", "dest": "/x"})
    assert len(session.calls) == (calls if travelled else 1)


async def test_the_hosts_own_files_are_its_own_matter(make_context: Callable[..., Any], session: Any) -> None:
    args = {"src": "/a", "dest": "/b", "remote_src": True}
    await copy.run(make_context(), args)
    assert (session.calls[0].args, session.calls[0].content) == (args, None)


async def test_the_host_compares_the_checksum(make_context: Callable[..., Any], session: Any, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    await copy.run(make_context(), {"src": "f", "dest": "/x", "checksum": "0" * 40})
    await copy.run(make_context(), {"content": "x", "dest": "/x", "checksum": "0" * 40})
    assert [call.args["checksum"] for call in session.calls] == ["0" * 40] * 2
