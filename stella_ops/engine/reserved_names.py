"""Names of variables that are words of the language: they work, and are likely to be a mistake."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stella_ops.collections import current
from stella_ops.origins import Origin
from stella_ops.playbook.keywords import BLOCK, PLAY, TASK

_OTHERS = frozenset(
    {"cycler", "dict", "joiner", "lipsum", "lookup", "namespace", "now", "omit", "q", "query", "range", "undef"}
    | {"async_val", "loop_with", "with_"}
)
RESERVED = (PLAY | BLOCK | TASK | _OTHERS) - {"gather_subset", "vars", "max_fail", "max_unreachable"}


# Those of tasks: these two are dropped from their variables.
OF_TASKS = RESERVED - {"tags", "when"}


def warn_of(layers: Iterable[Mapping[str, Any]], seen: set[int], words: frozenset[str] = RESERVED) -> None:
    """Tell of variables with such names, each once.

    Args:
        layers: of variables, name to value.
        seen: the layers that were looked at before; added to.
        words: the names.
    """
    for layer in layers:
        if isinstance(layer, ChainMap):
            warn_of(layer.maps, seen, words)
        elif id(layer) not in seen:
            seen.add(id(layer))
            for name in [each for each in layer if each in words] if layer.keys() & words else ():
                _tell(name, getattr(layer, "key_origins", {}).get(name))


def _tell(name: str, where: Origin | None) -> None:
    place = "" if where is None else f"\nOrigin: {Origin(str(Path(where.source).absolute()), where.line, where.column)}"
    current().say(f"Found variable using reserved name {name!r}.{place}")
