"""Bare commands: what a host prints without end does not fill the controller."""

import pytest

from stella_ops.errors import TaskError
from stella_ops.transport import raw
from stella_ops.transport.raw import RawExchange


class Endless:
    """Output that never ends."""

    async def read(self, n=-1):
        return b"x" * 4096


class Silent:
    async def read(self, n=-1):
        return b""

    def write(self, data):
        pass

    def write_eof(self):
        pass


@pytest.mark.parametrize("streams", [(Endless, Silent), (Silent, Endless)])
async def test_output_without_end(streams, monkeypatch):
    monkeypatch.setattr(raw, "OUTPUT_LIMIT", 1 << 20)
    exchange = RawExchange("cat /dev/zero", None, name="evil")
    with pytest.raises(TaskError, match="more than 1 MiB"):
        await exchange.run(Silent(), streams[0](), streams[1]())
