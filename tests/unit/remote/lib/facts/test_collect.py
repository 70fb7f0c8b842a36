from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.remote.lib.facts import collect

NAMES = [name for name, _, _ in collect.GROUPS]
word = st.sampled_from([*NAMES, *collect.SUBSETS]).flatmap(lambda name: st.sampled_from([name, "!" + name]))


def test_one_groups_trouble_is_not_anothers(monkeypatch):
    def broken(timeout):
        raise OSError("no such luck")

    groups = [(name, home, broken if name == "dns" else function) for name, home, function in collect.GROUPS]
    monkeypatch.setattr(collect, "GROUPS", groups)
    warnings: list[str] = []
    facts = collect.gather(collect.choose(["all"]), 5, warnings.append)
    assert warnings == ["the facts 'dns' could not be gathered: OSError: no such luck"]
    assert "dns" not in facts
    assert {"hostname", "distribution", "memtotal_mb", "interfaces"} <= set(facts)


@given(st.lists(word, max_size=6))
def test_a_group_named_itself_is_in_and_one_excluded_itself_is_out(words):
    chosen = collect.choose(words)
    assert chosen <= {*NAMES, "local"}
    for name in NAMES:
        if name in words:
            assert name in chosen
        elif "!" + name in words and all(word.startswith("!") for word in words):
            assert name not in chosen or any(name in needed for _, needed in collect._NEEDS)


def test_nothing_said_means_everything():
    everything = {*NAMES, "local"}
    assert collect.choose(None) == collect.choose([]) == collect.choose(["all"]) == everything


def test_nothing_is_a_choice_too():
    assert collect.choose(["!all", "!min"]) == set()


def test_unknown_words():
    with pytest.raises(ValueError, match=r"options allowed: .*, network, "):
        collect.choose(["netwrk"])
    assert collect.choose(["!netwrk"]) == collect.choose(["!nothing"])  # excluding nothing harms nobody


def test_pick():
    facts = {"distribution": 1, "distribution_version": 2, "env": 3}
    assert collect.pick(facts, ["ansible_env", "*version"]) == {"env": 3, "distribution_version": 2}
    assert collect.pick(facts, []) == collect.pick(facts, ["*"]) == collect.pick(facts, None) == facts


@pytest.mark.parametrize(
    "word", ["lsb", "fips", "apparmor", "selinux", "loadavg", "iscsi", "nvme", "fibre_channel_wwn"]
)
def test_what_ansible_core_gathers_alone_is_gathered_alone(word):
    assert collect.choose(["!all", "!min", word]) == {word}


def test_systemd_and_load_are_in_all_alone():
    assert not {"systemd", "loadavg"} & collect.choose(["!all"])
    assert {"systemd", "loadavg"} <= collect.choose(["all"])
