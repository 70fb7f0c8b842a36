"""The actions that send a file of the controller along: assemble, script, unarchive, uri."""

from __future__ import annotations

import asyncio

import pytest

from stella_ops.actions import assemble, script, unarchive, uri
from stella_ops.actions.base import ActionFailure


def run(action, context, **args):
    return asyncio.run(action.run(context, args))


async def sent(call):
    return call.content if isinstance(call.content, bytes) else call.content.small()


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("s.sh", ""),
        ("s.sh one 'two  three'", " one 'two  three'"),
        ("'my s.sh'  x", "  x"),
        ("my\\ s.sh $HOME", " $HOME"),
    ],
)
def test_script(make_context, session, tmp_path, line, rest):
    for name in ("s.sh", "my s.sh"):
        (tmp_path / name).write_text("#!/bin/sh\n")
    run(script, make_context(), cmd=line, creates="/x", decrypt=True)
    (call,) = session.calls
    assert call.args["_rest"] == rest
    assert call.args["_name"] == ("s.sh" if line.startswith("s.sh") else "my s.sh")
    assert call.args["creates"] == "/x"
    assert asyncio.run(sent(call)) == b"#!/bin/sh\n"


def test_script_refusals(make_context):
    with pytest.raises(ActionFailure, match="one of the following is required"):
        run(script, make_context(), cmd=" ")
    with pytest.raises(ActionFailure, match="must be an absolute path"):
        run(script, make_context(), cmd="s.sh", chdir="rel")
    with pytest.raises(ActionFailure, match="Could not find or access"):
        run(script, make_context(), cmd="none.sh")
    with pytest.raises(ActionFailure, match="Could not find or access '/dev/zero'"):
        run(script, make_context(), cmd="/dev/zero")
    with pytest.raises(ActionFailure, match="split the command"):
        run(script, make_context(), cmd="'s.sh")


def test_assemble(make_context, session, tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, text in (("2", "two\n"), ("1", "one"), (".h", "hid")):
        (folder / name).write_text(text)
    args = {"src": "parts", "dest": "/x", "remote_src": False, "delimiter": r"--\n"}
    run(assemble, make_context(), ignore_hidden=True, mode="0600", **args)
    run(assemble, make_context(), regexp="^2", **args)
    first, second = session.calls
    assert (first.module, first.content, first.args["mode"]) == ("copy", b"one\n--\ntwo\n", "0600")
    assert second.content == b"two\n"
    run(assemble, make_context(), src="/parts", dest="/x")
    assert (session.calls[2].module, session.calls[2].content) == ("assemble", None)
    with pytest.raises(ActionFailure, match="Invalid Regexp"):
        run(assemble, make_context(), regexp="(", **args)


def test_unarchive(make_context, session, tmp_path):
    (tmp_path / "a.tar").write_bytes(b"tar")
    run(unarchive, make_context(), src="a.tar", dest="/x")
    run(unarchive, make_context(), src="/a.tar", dest="/x", copy=False)
    first, second = session.calls
    assert asyncio.run(sent(first)) == b"tar"
    assert (second.content, second.args["remote_src"]) == (None, True)
    with pytest.raises(ActionFailure, match="mutually exclusive"):
        run(unarchive, make_context(), src="a.tar", dest="/x", copy=True, remote_src=True)
    with pytest.raises(ActionFailure, match="only supported when remote_src is True"):
        run(unarchive, make_context(), src="https://x/a.tar", dest="/x")


def test_uri(make_context, session, tmp_path):
    (tmp_path / "f").write_bytes(b"\xff")
    run(uri, make_context(), url="http://x", src="f")
    assert session.calls[0].args["_content_name"] == "f"
    assert asyncio.run(sent(session.calls[0])) == b"\xff"
    body = {"one": "1", "two": {"filename": "f"}}
    run(uri, make_context(), url="http://x", body_format="form-multipart", body=body)
    field = session.calls[1].args["body"]["two"]
    assert (field["filename"], field["content"].encode("utf-8", "surrogateescape")) == ("f", b"\xff")
    assert body["two"] == {"filename": "f"}
    with pytest.raises(ActionFailure, match="body must be mapping"):
        run(uri, make_context(), url="http://x", body_format="form-multipart", body="x")
