import pytest

from stella_ops.hostkeys.approval import select
from stella_ops.hostkeys.evidence import Evidence


def chosen(keys, evidence=None, record=None, **wanted):
    given = {"everything": False, "sources": (), "fingerprints": (), "replace": False, **wanted}
    found = select(keys, keys if record is None else record, evidence or {}, **given)
    return found, [(choice.key.id, choice.replaces) for choice in found.chosen]


def says(source, verdict, validated=True):
    return Evidence(source, verdict, f"{source} {verdict}", validated)


def test_everything_that_nothing_speaks_against(key):
    keys = [key(1), key(2), key(3), key(4, state="changed", note="on record: x")]
    evidence = {2: [says("sshfp", "mismatch")], 3: [says("console", "mismatch", False), says("sshfp", "match")]}
    found, ids = chosen(keys, evidence, everything=True)
    assert ids == [(1, False)]
    assert [one.id for one, _ in found.refused] == [2, 3, 4]
    assert found.refused[-1][1] == "CHANGED: on record: x"


def test_what_a_source_confirms(key):
    keys = [key(1), key(2), key(3)]
    evidence = {
        1: [says("sshfp", "match")],
        2: [says("sshfp", "match", validated=False)],
        3: [says("console", "match")],
    }
    assert chosen(keys, evidence, sources=("sshfp",))[1] == [(1, False)]
    assert "--unsigned-dns" in chosen(keys, evidence, sources=("sshfp",))[0].unmatched[0][1]
    assert chosen(keys, evidence, sources=("sshfp",), unsigned_dns=True)[1] == [(1, False), (2, False)]
    assert chosen(keys, evidence, sources=("sshfp", "console"))[1] == [(1, False), (3, False)]
    assert chosen(keys, evidence, sources=("known",))[1] == []


def test_a_fingerprint_overrules_the_dns_but_not_a_change(key):
    one = key(1)
    evidence = {1: [says("sshfp", "mismatch")]}
    found, ids = chosen([one], evidence, fingerprints=(one.fingerprint,))
    assert ids == [(1, False)]
    assert found.chosen[0].because == "fingerprint given"
    changed = key(1, state="changed")
    assert chosen([changed], fingerprints=(changed.fingerprint,))[1] == []
    assert chosen([changed], fingerprints=(changed.fingerprint,), replace=True)[1] == [(1, True)]


@pytest.mark.parametrize("status", ["approved", "pinned"])
def test_another_key_in_the_store_makes_it_a_changed_one(key, status):
    new = key(1)
    old = key(2, host="web1", name=new.name, status=status)
    assert chosen([new], record=[new, old], everything=True)[1] == []
    assert chosen([new], record=[new, old], everything=True, replace=True)[1] == [(1, True)]


def test_nothing_asked_for_is_nothing_chosen(key):
    assert chosen([key(1)])[1] == []
