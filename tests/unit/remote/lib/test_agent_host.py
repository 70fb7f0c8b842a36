"""What root reads in folders of the agent's user."""

import os
import time

from stella_ops.remote.lib import agent_host
from stella_ops.remote.lib.layout import Layout


def test_a_plain_file(tmp_path):
    path = tmp_path / "status.json"
    path.write_text('{"a": 1}')
    assert agent_host.read_state(str(path)) == {"a": 1}
    assert agent_host.read_agents_file(str(path)) == b'{"a": 1}'
    assert agent_host.read_agents_file(str(path), tail=3) == b" 1}"
    assert agent_host.read_agents_file(str(path), longest=5) is None
    path.write_text("[" * 100_000)
    assert agent_host.read_state(str(path)) is None


def test_what_a_hostile_agent_puts_there_neither_hangs_nor_leads_elsewhere(tmp_path):
    layout = Layout.at(str(tmp_path / "agent"))
    os.makedirs(layout.log)
    os.makedirs(layout.state)
    (tmp_path / "shadow").write_text('{"root": "hash"}')
    begun = time.monotonic()
    os.mkfifo(layout.status)
    os.symlink(str(tmp_path / "shadow"), layout.heartbeat)
    os.symlink("/dev/zero", layout.revision)
    os.symlink(str(tmp_path / "shadow"), layout.logfile)
    for path in (layout.status, layout.heartbeat, layout.revision, layout.state, layout.config):
        assert agent_host.read_state(path) is None
    assert agent_host.log_tail(layout) == []
    os.unlink(layout.logfile)
    with open(layout.logfile, "w") as log:
        log.write("".join(f"line {number}\n" for number in range(10_000)))
    assert agent_host.log_tail(layout, 2) == ["line 9998", "line 9999"]
    assert time.monotonic() - begun < 5
