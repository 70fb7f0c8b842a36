"""An orchestrator to call: ``MockOrchestrator`` (see its file), and agents enrolled with it."""

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mock_orchestrator import MockOrchestrator, make_authority, server_certificate, write_pair

from stella_ops.remote.agent import storage
from stella_ops.remote.agent.endpoint import Endpoint
from stella_ops.remote.agent.enrol import enrol
from stella_ops.remote.agent.log import Log
from stella_ops.remote.agent.pull_side import PullSide
from stella_ops.remote.agent.spool import Spool
from stella_ops.remote.lib import agent_config
from stella_ops.remote.lib.layout import Layout


@pytest.fixture(scope="session")
def fleet_ca(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("ca") / "ca")


@pytest.fixture(scope="session")
def foreign_ca(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("foreign") / "ca")


@pytest.fixture
def serve(tmp_path):
    """Start orchestrators; they end with the test."""
    started = []

    def start(authority, **options):
        names, times = options.pop("names", None), options.pop("times", {})
        folder = tmp_path / f"orchestrator-{len(started)}"
        if names or times:
            options["pair"] = server_certificate(authority, folder, *([names] if names else []), **times)
        started.append(MockOrchestrator(authority, folder, **options))
        return started[-1]

    start.write_pair = write_pair
    yield start
    for orchestrator in started:
        orchestrator.stop()


@pytest.fixture
def orchestrator(serve, fleet_ca):
    made = serve(fleet_ca)
    made.configure(orchestrator_url=made.url, heartbeat_interval="1s", reconnect_backoff="100ms")
    return made


@pytest.fixture
def host(tmp_path):
    """A host's folders and log, for what runs in this very process."""
    layout = Layout.at(str(tmp_path / "host"))
    storage.prepare_folders(layout)
    log = Log(layout.logfile, level="debug", echo=False)

    def lines(event=None):
        text = Path(layout.logfile).read_text() if os.path.exists(layout.logfile) else ""
        found = [json.loads(line) for line in text.splitlines()]
        return [line for line in found if event in (None, line["event"])]

    def enrolled(orchestrator, **options):
        return enrol(layout, log, Endpoint.of_url(orchestrator.url), orchestrator.token, **options)

    return SimpleNamespace(layout=layout, log=log, lines=lines, enrol=enrolled)


class InProcess:
    """The pull side of a host without its service: the test plays the loop."""

    def __init__(self, host, make=None):
        self.host = host
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        os.set_blocking(self.writing, False)
        self.side = PullSide(host.layout, host.log, self.writing, make)
        self.spool = Spool(host.layout.heartbeats)

    def configure(self):
        document = json.loads(Path(self.host.layout.config).read_text())
        self.side.configure(agent_config.with_defaults(document))

    def beat(self, agent_id="a-1", next_in=30.0, **more):
        entry = self.spool.append({"agent_id": agent_id, "time": storage.iso(), "status": "healthy", **more})
        self.side.beat(time.monotonic() + next_in)
        return entry["seq"]

    def woken(self):
        with contextlib.suppress(BlockingIOError):
            return list(os.read(self.reading, 4096))
        return []

    def contact(self):
        return storage.read_json(self.host.layout.orchestrator) or {}

    def until(self, condition, seconds=20.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (self.contact(), self.host.lines()[-5:])
            time.sleep(0.01)

    def close(self):
        self.side.finish()
        os.close(self.reading)
        os.close(self.writing)


@pytest.fixture
def pulling(host):
    """Start the pull side of ``host`` in this process."""
    started = []

    def start(make=None):
        started.append(InProcess(host, make))
        return started[-1]

    yield start
    for one in started:
        one.close()
