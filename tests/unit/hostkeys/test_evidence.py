import pytest

from stella_ops.hostkeys.console_list import ListedKey
from stella_ops.hostkeys.evidence import gather, pins_against, shared_keys
from stella_ops.hostkeys.sshfp import SshfpAnswer, dns_name


def verdicts(key, record=None, **more):
    found = gather([key], [key] if record is None else record, **more)[key.id]
    return {(said.source, said.verdict) for said in found}


def listed(key, *hosts, named=True, fingerprint=None, kind="ed25519"):
    return ListedKey(kind, fingerprint or key.fingerprint, hosts, named, "list:1")


@pytest.mark.parametrize(
    ("hosts", "named", "verdict"),
    [
        (("web1",), True, "match"),
        (("10.0.0.1",), True, "match"),
        (("web2",), True, "mismatch"),
        ((), False, "match"),
        (("image-builder",), False, "match"),
        (("web2",), False, "mismatch"),
    ],
)
def test_lines_of_a_console_list(key, hosts, named, verdict):
    one, two = key(1), key(2)
    assert verdicts(one, [one, two], listed=[listed(one, *hosts, named=named)]) == {("console", verdict)}


def test_a_line_without_a_host_is_good_for_one_place_only(key):
    one, two = key(1), key(2, fingerprint=key(1).fingerprint)
    lines = [listed(one, named=False)]
    assert verdicts(one, [one, two], listed=lines) == {("console", "absent")}
    assert verdicts(one, [one, two], listed=[*lines, listed(one, "web1")]) == {("console", "match")}
    # Two names of one place are one place.
    assert verdicts(one, [one, key(2, fingerprint=one.fingerprint, name=one.name)], listed=lines) == {
        ("console", "match")
    }


def test_a_list_that_has_another_key_of_the_kind_contradicts(key):
    one = key(1)
    other = f"SHA256:{7:043d}"
    assert verdicts(one, listed=[listed(one, "web1", fingerprint=other)]) == {("console", "mismatch")}
    assert verdicts(one, listed=[listed(one, "web1", fingerprint=other, kind="rsa")]) == {("console", "absent")}
    assert verdicts(one, listed=[listed(one, "web2", fingerprint=other)]) == {("console", "absent")}
    long = key(1, host="web1.example.com")
    assert verdicts(long, listed=[listed(long, "web1", named=False)]) == {("console", "match")}


def test_pins_and_states(key):
    one = key(1)
    pinned = key(2, host="web1", name=one.name, status="pinned", pinned_by="ops")
    assert verdicts(one, [one, pinned]) == {("pin", "mismatch")}
    for change in ({"algorithm": "ssh-rsa"}, {"port": 2222}, {"status": "replaced"}, {"name": "else"}):
        assert pins_against(one, [key(2, **{"name": one.name, "status": "pinned", **change})]) == []
    assert verdicts(key(1, state="known", note="in x:1")) == {("known", "match")}
    assert verdicts(key(1, state="certified")) == {("known", "match")}
    assert verdicts(key(1, state="changed")) == {("known", "mismatch")}


def test_sshfp(key, public):
    import base64
    import hashlib

    line, _ = public()
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    one = key(1, name="web1.test", public_key=line)
    for record, verdict in (
        ((4, 2, digest), "match"),
        ((4, 2, b"\0" * 32), "mismatch"),
        ((4, 1, b"\0" * 20), "absent"),
        ((1, 2, digest), "absent"),
    ):
        answer = SshfpAnswer("web1.test", (record,), validated=True)
        assert verdicts(one, sshfp={"web1.test": answer}) == {("sshfp", verdict)}
    assert dns_name("10.0.0.1", "web1") == "web1"
    assert dns_name("fe80::1", "web1") == "web1"
    assert dns_name("web1.test", "web1") == "web1.test"


def test_keys_that_several_places_show(key):
    one, two = key(1), key(2, fingerprint=key(1).fingerprint)
    assert shared_keys([one, two, key(3)]) == {one.fingerprint: ["10.0.0.1", "10.0.0.2"]}
    assert shared_keys([one, key(2, fingerprint=one.fingerprint, status="replaced")]) == {}
