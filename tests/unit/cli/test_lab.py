"""``stella-ops lab``: what it refuses before anything is started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stella_ops.lab.systemd_image import RELEASES


def test_a_release_is_for_systemd_hosts_alone(stella: Callable[..., Any]) -> None:
    said = stella("lab", "up", "--kind", "embedded", "--release", "trixie")
    assert said.status == 2
    assert "--release is for --kind systemd" in said.err


def test_the_releases_offered_are_those_that_the_lab_knows(stella: Callable[..., Any]) -> None:
    said = stella("lab", "up", "--kind", "systemd", "--release", "buster")
    assert said.status == 2
    assert all(f"'{release}'" in said.err for release in RELEASES)
