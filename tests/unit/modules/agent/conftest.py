"""The agent's modules, each run in a process of its own under every Python that is found: a worker's fork."""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from stella_ops.content import module_path
from stella_ops.releases.build import build_agent
from stella_ops.remote.lib.layout import Layout

ROOT = Path(__file__).resolve().parents[4]

_DRIVER = """
import json, sys
from stella_ops.remote.lib.task import run_module
path, args, check, content = json.loads(sys.stdin.readline())
stream = open(content, "rb") if content else None
print(json.dumps(run_module(path, args, check_mode=check, content=stream)))
"""


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    return build_agent(tmp_path_factory.mktemp("package") / "stella-agent.pyz", "1.2.3")


@pytest.fixture(scope="session")
def newer_package(tmp_path_factory):
    return build_agent(tmp_path_factory.mktemp("package") / "stella-agent.pyz", "1.3.0")


class Host:
    """Runs modules as the remote runner would, for one prefix."""

    token = "0123456789abcdef." + "S3cret-_" * 5 + "xyz"

    def __init__(self, python, prefix, worker):
        self.python = python
        self.prefix = prefix
        self.worker = worker
        self.layout = Layout.at(str(prefix))

    def module(self, name, check=False, content=None, env=None, **args):
        args = {"prefix": str(self.prefix), **args}
        if env:
            result = self._in_environment(env, [str(module_path(name)), args, check, content and str(content)])
        else:
            asked = {"module": str(module_path(name)), "args": args, "check": check, "diff": False}
            content = str(content) if content else None
            asked |= {"content": content, "environment": None, "uid": 0, "umask": 0o022, "file_limit": 0, "cwd": "/"}
            self.worker.stdin.write(json.dumps(asked) + "\n")
            self.worker.stdin.flush()
            result = json.loads(self.worker.stdout.readline())
            assert "crashed" not in result
        assert "exception" not in result, result["exception"]
        return result

    def _in_environment(self, env, call):
        """What a module answers in a process that is given this environment from its start."""
        done = subprocess.run(
            [self.python, "-c", _DRIVER],
            input=json.dumps(call) + "\n",
            capture_output=True,
            encoding="utf-8",
            env={**env, "PYTHONPATH": str(ROOT)},
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def install(self, package, content=True, **more):
        return self.module(
            "agent_install",
            version=package.version,
            sha256=package.sha256,
            size=package.size,
            content=package.path if content else None,
            **more,
        )

    def ok(self, name, **args):
        result = self.module(name, **args)
        assert result["failed"] is False, result
        return result

    def tree(self):
        """Every path below the prefix, with kind, mode and content."""
        found = {}
        for path in sorted(self.prefix.rglob("*")) if self.prefix.exists() else []:
            about = path.lstat()
            content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(self.prefix))] = (about.st_mode, content)
        return found

    @staticmethod
    def until(condition, timeout=20.0):
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "it did not come to be in time"
            time.sleep(0.02)

    def close(self):
        for path in (self.layout.supervisor_pidfile, self.layout.pidfile):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(Path(path).read_text()), signal.SIGKILL)


@pytest.fixture
def host(host_python, tmp_path, workers):
    made = Host(host_python, tmp_path / "agent", workers(Path(host_python)))
    yield made
    made.close()
