"""A result as YAML below its line: what ansible-core shows under ``callback_result_format = yaml``."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

from stella_ops.console.results import clean, tame
from stella_ops.console.text import safe_block

_BREAKS = re.compile("[\n\r\x1c\x1d\x1e\x85\u2028\u2029]")
_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what a block scalar cannot hold


def dump_yaml(result: Mapping[str, Any], action: str, verbosity: int) -> str:
    """A cleaned result, indented; text of several lines stands as a block.

    Lines that say the same as ``stdout`` and ``stderr`` are left out.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes text of several lines as blocks."""

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
        if not _BREAKS.search(text):
            return dumper.represent_str(text)
        shown = _UNSHOWN.sub("", text.rstrip().expandtabs())
        return dumper.represent_scalar("tag:yaml.org,2002:str", re.sub(r" +\n", "\n", shown), style="|")

    Dumper.add_representer(str, represent_text)
    Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]
    shown = tame(clean(result, action, verbosity))
    for stream in ("stdout", "stderr"):
        if stream in shown and f"{stream}_lines" in shown:
            shown[f"{stream}_lines"] = "<omitted>"
    text = yaml.dump(shown, Dumper=Dumper, allow_unicode=True, default_flow_style=False, indent=4)
    return "\n" + textwrap.indent(safe_block(text).rstrip("\n"), "    ")
