from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.actions import template
from stella_ops.actions.base import ActionFailure
from stella_ops.errors import UndefinedVariableError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    return tmp_path / "templates" / "t.conf.j2"


async def test_renders_and_sends(make_context: Callable[..., Any], session: Any, source: Path) -> None:
    source.write_text("# {{ ansible_managed }}\n{% if x %}\nx={{ x }}\n{% endif %}\n{{ template_path }}\n")
    await template.run(make_context(x="{{ 1 + 1 }}"), {"src": "t.conf.j2", "dest": "/etc/", "mode": "0644"})
    [call] = session.calls
    assert call.content.decode() == "# Ansible managed\nx=2\nt.conf.j2\n"
    assert (call.module, call.args["mode"], call.args["_source_name"]) == ("copy", "0644", "t.conf.j2")


async def test_what_a_host_said_stays_text(make_context: Callable[..., Any], session: Any, source: Path) -> None:
    source.write_text("{{ said.stdout }}")
    context = make_context(said={"stdout": "{{ lookup('pipe', 'id') }}"})
    await template.run(context, {"src": "t.conf.j2", "dest": "/x"})
    assert session.calls[0].content == b"{{ lookup('pipe', 'id') }}"


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"newline_sequence": "\\r\\n"}, b"a\r\nb\r\n"),
        ({"newline_sequence": "\r\n"}, b"a\r\nb\r\n"),
        ({"output_encoding": "utf-16-le"}, "a\nb\n".encode("utf-16-le")),
    ],
)
async def test_how_it_is_written(
    make_context: Callable[..., Any], session: Any, source: Path, options: dict[str, Any], sent: bytes
) -> None:
    source.write_text("a\n{% if true %}\nb\n{% endif %}\n")
    await template.run(make_context(), {"src": "t.conf.j2", "dest": "/x", **options})
    assert session.calls[0].content == sent


async def test_trim_and_strip(make_context: Callable[..., Any], session: Any, source: Path) -> None:
    source.write_text("  {% if true %}\na\n  {% endif %}\n")
    await template.run(make_context(), {"src": "t.conf.j2", "dest": "/x", "lstrip_blocks": True})
    await template.run(make_context(), {"src": "t.conf.j2", "dest": "/x", "trim_blocks": False})
    assert [call.content for call in session.calls] == [b"a\n", b"  \na\n  \n"]


async def test_an_error_names_the_line_of_the_file(make_context: Callable[..., Any], source: Path) -> None:
    source.write_text("fine\nfine\n{{ nothing }}\n")
    with pytest.raises(UndefinedVariableError) as caught:
        await template.run(make_context(), {"src": "t.conf.j2", "dest": "/x"})
    assert caught.value.where == f"{source}:3:4"


async def test_what_cannot_be_read(make_context: Callable[..., Any], source: Path) -> None:
    source.write_bytes(b"\xff\xfe")
    with pytest.raises(ActionFailure, match="not UTF-8"):
        await template.run(make_context(), {"src": "t.conf.j2", "dest": "/x"})
    with pytest.raises(ActionFailure, match=r"Could not find or access 'no\.j2'"):
        await template.run(make_context(), {"src": "no.j2", "dest": "/x"})


def test_other_marks_and_what_a_template_knows_of_itself(make_context, session, tmp_path):
    source = tmp_path / "t.j2"
    source.write_text(
        "[[ x ]] {{ kept }} (% if true %)y(% endif %)(# gone #)\n[[ template_path ]] [[ ansible_managed ]]\n"
    )
    source.chmod(0o640)
    marks = {"variable_start_string": "[[", "variable_end_string": "]]", "comment_start_string": "(#"}
    marks.update(comment_end_string="#)", block_start_string="(%", block_end_string="%)")
    context = make_context(x="1", ansible_managed="mine")
    asyncio.run(template.run(context, {"src": "t.j2", "dest": "/x", "mode": "preserve", **marks}))
    (call,) = session.calls
    assert call.content == b"1 {{ kept }} yt.j2 mine\n"
    assert call.args["mode"] == "0640"
