"""``debug: var`` is an expression only as far as the operator wrote it."""

from types import SimpleNamespace

import pytest

from stella_ops.actions import debug
from stella_ops.origins import Origin, SourceText
from stella_ops.templating.templar import Templar

EVIL = "lookup('pipe', 'echo pwned')"


def written(text):
    return SourceText(text, Origin("play.yml", 1))


async def show(var, **variables):
    context = SimpleNamespace(templar=Templar(), variables=variables)
    return await debug.run(context, {"var": var})


async def test_an_expression_and_a_name():
    assert await show(written("x.y"), x={"y": 1}) == {"x.y": 1}
    assert await show(written("x + 1"), x=1) == {"x + 1": 2}
    assert await show(written("nothing")) == {"nothing": "VARIABLE IS NOT DEFINED!"}


@pytest.mark.parametrize("text", [EVIL, "{{ " + EVIL + " }}"])
async def test_what_a_host_said_is_shown_and_never_evaluated(text):
    """``var: "{{ result.stdout }}"`` would be evaluated a second time, were it rendered first."""
    assert await show(written("{{ said }}"), said=text) == {"{{ said }}": text}
    assert await show(written("said"), said=text) == {"said": text}
    assert await show(text) == {text: text}
    assert "var" in debug.UNRENDERED
