"""What an agent can be installed on, and what it can do there."""

from __future__ import annotations

from enum import StrEnum


class Platform(StrEnum):
    """What a host is, as far as installing an agent goes."""

    LINUX = "linux"
    WINDOWS = "windows"
    DOCKER = "docker"


class AgentCapability(StrEnum):
    """What an agent is asked to do; the words of ``capabilities`` in its configuration."""

    DOCKER = "docker"
    COMPOSE = "compose"
    HEALTH_CHECK = "health_check"
