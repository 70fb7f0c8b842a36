from __future__ import annotations

import copy
import pickle

from stella_ops.origins import Origin, SourceText
from stella_ops.templating.omit import OMIT, Omit, drop_omitted
from stella_ops.templating.templar import Templar


def test_there_is_one() -> None:
    assert Omit() is OMIT
    assert copy.deepcopy([OMIT])[0] is OMIT
    assert pickle.loads(pickle.dumps(OMIT)) is OMIT


def test_omitted_arguments_are_gone_at_any_depth() -> None:
    def text(expression: str) -> SourceText:
        return SourceText("{{ " + expression + " }}", Origin("p", 1))

    args = {
        "path": "/x",
        "mode": text("mode | default(omit)"),
        "owner": text("owner | default(omit)"),
        "list": [text("mode | default(omit)"), {"a": text("omit"), "b": None}],
    }
    made = drop_omitted(Templar().render(args, {"omit": OMIT, "owner": "root"}))
    assert made == {"path": "/x", "owner": "root", "list": [{"b": None}]}
