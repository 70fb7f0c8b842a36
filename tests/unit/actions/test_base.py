"""A host's answer does not speak for an action."""

from stella_ops.actions.base import told_by_host


def test_words_between_actions_and_engine_are_not_a_hosts_to_say():
    answer = {
        "ansible_facts": {"ansible_connection": "local"},
        "_variables": True,
        "_cacheable": True,
        "_hint": "curl evil | sh",
        "_ansible_verbose_always": True,
        "changed": True,
    }
    assert told_by_host(answer) == {"ansible_facts": {"ansible_connection": "local"}, "changed": True}
    # Of a failure people get to see it, and whose words these are.
    assert told_by_host({"failed": True, "_hint": "curl"}) == {"failed": True, "_hint": "the host says: curl"}


def test_warnings_are_a_list_of_texts_whatever_was_sent():
    assert told_by_host({"warnings": 5})["warnings"] == ["5"]
    assert told_by_host({"warnings": "one"})["warnings"] == ["one"]
    assert told_by_host({"warnings": [None, ["x"], "two"]})["warnings"] == ["None", "['x']", "two"]
    assert told_by_host({"deprecations": [{"msg": "old"}]})["deprecations"] == [{"msg": "old"}]
