"""The doctor's warnings may quote a host."""

import io

from stella_ops.cli.doctor_collector import Collector
from stella_ops.engine.events import Warned


def test_a_warning_does_not_reach_the_terminal_as_it_is():
    errors = io.StringIO()
    Collector(errors).handle(Warned(time=0, message="\x1b]0;title\x07\x1b[2Jgone\nline", host="web\x1b[1m1"))
    said = errors.getvalue()
    assert "\x1b" not in said and "\x07" not in said
    assert said.count("\n") == 1
    assert "gone" in said
