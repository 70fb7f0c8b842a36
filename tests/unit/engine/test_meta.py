from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.errors import PlaybookError

HEAD = "- hosts: all\n  gather_facts: false\n"


async def test_reset_connection_drops_the_hosts_sessions(play: Callable[..., Any]) -> None:
    text = HEAD + "  tasks:\n    - meta: reset_connection\n      when: inventory_hostname == 'b'\n    - ping:\n"
    played = await play(text)
    assert played.pool.dropped == ["a", "b"]  # whatever its condition says, as in ansible-core
    assert played.seen.statuses("ping") == {"a": "ok", "b": "ok"}


async def test_clear_facts(play: Callable[..., Any]) -> None:
    def answer(host: str, call: Any) -> dict[str, Any]:
        return {"ansible_facts": {"ansible_os": "x"}}

    text = (
        HEAD
        + "  tasks:\n    - ping:\n    - meta: clear_facts\n    - debug: msg='{{ ansible_os | default(\"gone\") }}'\n"
    )
    played = await play(text, answer=answer)
    assert {r["msg"] for r in played.seen.results("debug").values()} == {"gone"}


async def test_a_role_cannot_end_where_there_is_none(play: Callable[..., Any]) -> None:
    with pytest.raises(PlaybookError, match="from outside of a role"):
        await play(HEAD + "  tasks:\n    - meta: end_role\n")
