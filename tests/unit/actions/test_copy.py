from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.actions import copy
from stella_ops.actions.base import ActionFailure


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def test_content(make_context: Callable[..., Any], session: Any) -> None:
    await copy.run(make_context(check=True, diff=True), {"content": "text\n", "dest": "/x", "mode": "0600"})
    [call] = session.calls
    assert (call.module, call.content, call.check, call.diff) == ("copy", b"text\n", True, True)
    assert call.args == {"dest": "/x", "mode": "0600", "_content_sha256": sha256(b"text\n"), "_content_size": 5}


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
    assert call.content == tmp_path / "files" / "f"
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
    assert made == [
        ("file", base, "0755"),
        ("file", f"{base}/deep", "0755"),
        ("copy", f"{base}/deep/two", "0644"),
        ("copy", f"{base}/one", "0644"),
    ]


async def test_a_folder_stops_at_the_first_failure(
    make_context: Callable[..., Any], session: Any, tmp_path: Path
) -> None:
    (tmp_path / "tree").mkdir()
    for name in "abc":
        (tmp_path / "tree" / name).write_text(name)
    session.answer = lambda call: {"failed": call.args.get("_source_name") == "b", "msg": "full"}
    result = await copy.run(make_context(), {"src": "tree/", "dest": "/d"})
    assert result["failed"] and len(session.calls) == 3


async def test_the_hosts_own_files_are_its_own_matter(make_context: Callable[..., Any], session: Any) -> None:
    args = {"src": "/a", "dest": "/b", "remote_src": True}
    await copy.run(make_context(), args)
    assert (session.calls[0].args, session.calls[0].content) == (args, None)


async def test_a_checksum_that_does_not_match(make_context: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(ActionFailure, match="checksum"):
        await copy.run(make_context(), {"src": "f", "dest": "/x", "checksum": "0" * 40})
