"""How tests are shared out to workers: what belongs together goes to one, and what takes long begins first."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

# Files with so many tests that do not share anything that one worker alone would be at them for minutes.
_IN_PARTS = ("integration/play/test_cases.py", "integration/play/test_against_ansible.py")
_PARTS = 12
# Files that share what takes long to make: hosts that boot, images of which only one file at a time may have the
# engine's. Each of these groups goes to one worker.
_TOGETHER = {
    "test_bootstrap_systemd.py": "systemd",
    "test_bootstrap_undone_systemd.py": "systemd",
    "test_install_systemd.py": "systemd",
    "test_lab_systemd.py": "systemd",
    "test_packages_systemd.py": "systemd",
    "test_tunnel_systemd.py": "systemd",
    "test_agent_container.py": "images",
    "test_agent_image.py": "images",
    "test_bootstrap_docker.py": "images",
    "test_pull_printed.py": "images",
}
# About how long a test takes, in seconds; the first beginning that fits counts.
_SECONDS = {
    "systemd": 10,
    "images": 5,
    "tests/e2e/test_canary.py": 15,
    "tests/e2e/test_system_": 12,
    "tests/e2e/": 3,
    "tests/integration/installers/test_install_interrupted.py": 12,
    "tests/integration/installers/": 1,
    "tests/integration/orchestrator/test_killed.py": 10,
    "tests/integration/orchestrator/test_many.py": 5,
    "tests/integration/orchestrator/": 0.4,
    "tests/integration/play/test_against_ansible.py": 0.8,
    "tests/integration/broken/": 0.05,
    "tests/integration/": 0.3,
    "tests/unit/remote/agent/": 0.25,
    "tests/unit/modules/": 0.1,
    "": 0.05,
}


def work_of(nodeid: str) -> str:
    """What goes to one worker with a test: its file, a part of that, or a group of files."""
    path, _, test = nodeid.partition("::")
    if path.endswith(_IN_PARTS):
        return f"{path}::{zlib.crc32(test.encode()) % _PARTS}"
    return _TOGETHER.get(path.rpartition("/")[2], path)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort the tests, so that no worker begins with what takes minutes when the others are done."""
    works = [work_of(item.nodeid) for item in items]
    seconds: dict[str, float] = {}
    for work in works:
        each = next(each for start, each in _SECONDS.items() if work.startswith(start))
        seconds[work] = seconds.get(work, 0) + each
    ranks = {work: rank for rank, work in enumerate(sorted(seconds, key=lambda work: (-seconds[work], work)))}
    order = sorted(range(len(items)), key=lambda number: ranks[works[number]])
    items[:] = [items[number] for number in order]


def make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A scheduler that gives each worker one work after the other, in the order of ``longest_first``."""
    from xdist.scheduler import LoadFileScheduling

    class ByWork(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return work_of(nodeid)

    config.option.loadscopereorder = False  # by the number of tests
    return ByWork(config, log)
