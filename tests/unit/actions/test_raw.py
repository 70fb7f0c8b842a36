from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.actions import raw
from stella_ops.actions.base import ActionFailure
from stella_ops.transport.base import CommandResult


async def test_runs_the_text_as_it_is(make_context: Callable[..., Any], session: Any) -> None:
    session.command = CommandResult(0, b"out\nmore\n", b"\xff")
    result = await raw.run(make_context(), {"_raw_params": "echo $HOME | cat"})
    assert session.commands == ["echo $HOME | cat"]
    assert (result["rc"], result["stdout_lines"], result["stderr"]) == (0, ["out", "more"], "\ufffd")
    assert result["changed"] is True


async def test_another_shell(make_context: Callable[..., Any], session: Any) -> None:
    await raw.run(make_context(), {"_raw_params": "echo 'a b'", "executable": "/bin/my bash"})
    assert session.commands == ["""'/bin/my bash' -c 'echo '"'"'a b'"'"''"""]


async def test_a_status_above_zero_fails(make_context: Callable[..., Any], session: Any) -> None:
    session.command = CommandResult(7, b"", b"bad")
    with pytest.raises(ActionFailure) as caught:
        await raw.run(make_context(), {"cmd": "x"})
    assert (caught.value.result["rc"], caught.value.result["stderr"]) == (7, "bad")


async def test_check_mode_runs_nothing(make_context: Callable[..., Any], session: Any) -> None:
    assert (await raw.run(make_context(check=True), {"cmd": "rm x"}))["skipped"]
    assert session.commands == []


async def test_no_command(make_context: Callable[..., Any]) -> None:
    with pytest.raises(ActionFailure):
        await raw.run(make_context(), {})
