"""All tests (``is …``) beyond Jinja2's own, by name. A topic is one file with a ``CONDITIONS`` table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stella_ops.templating.conditions import containers, files, patterns, results, uris, vaults, versions
from stella_ops.templating.conditions.definedness import CONDITIONS as _DEFINEDNESS
from stella_ops.templating.filters.registry import strict

CONDITIONS: dict[str, Callable[..., Any]] = {
    **{
        name: strict(function, "test", f"ansible.builtin.{name}")
        for topic in (containers, files, patterns, results, uris, vaults, versions)
        for name, function in topic.CONDITIONS.items()
    },
    **_DEFINEDNESS,
}
