"""Which of ansible-core's callbacks settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings


def json_callback(settings: AnsibleSettings) -> str | None:
    """Which callback in JSON a setting asks for: json or jsonl."""
    name = str(settings.choose("DEFAULT_STDOUT_CALLBACK")).removeprefix("ansible.posix.")
    return name if name in ("json", "jsonl") else None
