from __future__ import annotations

import asyncio
import base64
import hashlib

import pytest

from stella_ops.actions import fetch
from stella_ops.actions.base import ActionFailure


def part(data: bytes, **more: object) -> dict[str, object]:
    checksum = hashlib.sha1(data).hexdigest()
    return {"content": base64.b64encode(data).decode(), "checksum": checksum, "more": False, "changed": False, **more}


def run(context, **args):
    return asyncio.run(fetch.run(context, args))


@pytest.fixture
def context(make_context, tmp_path):
    return make_context(playbook_dir=str(tmp_path))


def test_a_file_below_the_hosts_name(context, session, tmp_path):
    session.answer = lambda call: part(b"x", source="/etc/f")
    result = run(context, src="/etc/f", dest="got")
    assert result["dest"] == f"{tmp_path}/got/a/etc/f"
    assert (tmp_path / "got/a/etc/f").read_bytes() == b"x"
    assert [path.name for path in (tmp_path / "got/a/etc").iterdir()] == ["f"]


def test_what_is_here_already_is_not_sent(context, session, tmp_path):
    (tmp_path / "f").write_bytes(b"x")
    session.answer = lambda call: {"checksum": call.args["_have"], "source": "/f", "changed": False}
    result = run(context, src="/f", dest=f"{tmp_path}/f", flat=True)
    assert result == {
        "changed": False,
        "file": "/f",
        "dest": f"{tmp_path}/f",
        "checksum": hashlib.sha1(b"x").hexdigest(),
        "md5sum": hashlib.md5(b"x").hexdigest(),
    }


def test_a_large_file_comes_in_parts(context, session, tmp_path):
    whole = hashlib.sha1(b"onetwo").hexdigest()
    parts = {0: part(b"one", checksum=whole, more=True), 3: part(b"two")}
    session.answer = lambda call: parts[call.args.get("_start", 0)]
    assert run(context, src="/f", dest="out", flat=True)["checksum"] == whole
    assert (tmp_path / "out").read_bytes() == b"onetwo"


@pytest.mark.parametrize("source", ["/../../../x", "../../x", "/etc/../../../x", "/a\0b", "/.."])
def test_a_host_cannot_choose_a_place_outside(context, session, tmp_path, source):
    before = sorted(tmp_path.rglob("*"))
    session.answer = lambda call: part(b"evil", source=source)
    with pytest.raises(ActionFailure, match="directory traversal"):
        run(context, src="~/f", dest=f"{tmp_path}/got")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_wrong_checksum_leaves_nothing(context, session, tmp_path):
    session.answer = lambda call: part(b"x", checksum="0" * 40)
    with pytest.raises(ActionFailure, match="checksum mismatch"):
        run(context, src="/f", dest="out", flat=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "words"), [("missing", "does not exist"), ("directory", "cannot work on directories")]
)
def test_missing_files(context, session, kind, words):
    session.answer = lambda call: {"failed": True, "msg": "cannot read", "kind": kind}
    failed = run(context, src="/f", dest="out")
    assert failed["failed"] is True
    assert words in failed["msg"]
    ignored = run(context, src="/f", dest="out", fail_on_missing=False)
    assert (ignored["changed"], "failed" in ignored) == (False, False)


def test_a_lost_connection_is_no_missing_file(context, session):
    session.answer = lambda call: {"failed": True, "msg": "module crashed"}
    assert run(context, src="/f", dest="out", fail_on_missing=False)["failed"] is True


def test_check_mode_does_nothing(make_context, session):
    assert run(make_context(check=True), src="/f", dest="out")["skipped"] is True
    assert session.calls == []
