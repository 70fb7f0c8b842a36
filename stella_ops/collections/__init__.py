"""Ansible collections that are installed on this machine: where they lie, what is in them, what they say of it.

Nothing here runs their code; see ``templating/plugins`` and ``transport/foreign.py`` for that.
"""

from __future__ import annotations

from stella_ops.collections.installed import Collections, current, use

__all__ = ["Collections", "current", "use"]
