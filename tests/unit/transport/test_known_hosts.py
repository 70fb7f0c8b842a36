import base64
import hashlib
import hmac
import subprocess
from pathlib import Path
from types import SimpleNamespace

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.transport import known_hosts
from stella_ops.transport.known_hosts import KnownHosts

KEYS = [asyncssh.generate_private_key("ssh-ed25519").convert_to_public() for _ in range(4)]
LINES = [key.export_public_key("openssh").decode().strip() for key in KEYS]


def hashed(name: str, salt: bytes = b"0123456789abcdefghij") -> str:
    digest = hmac.digest(salt, name.encode(), hashlib.sha1)
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def test_names_addresses_and_ports() -> None:
    known = KnownHosts(f"web,10.0.0.1 {LINES[0]}\n[web]:2222 {LINES[1]} comment here\n")
    assert known.lookup("web").keys == [KEYS[0]]
    assert known.lookup("WEB").keys == [KEYS[0]]
    assert known.lookup("10.0.0.1").keys == [KEYS[0]]
    other = known.lookup("web", 2222)
    assert (other.keys, other.without_port) == ([KEYS[1]], [KEYS[0]])
    assert known.lookup("db").keys == []


def test_a_key_without_port_is_kept_apart_from_one_with_the_port() -> None:
    found = KnownHosts(f"web {LINES[0]}\n").lookup("web", 2201)
    assert (found.keys, found.without_port) == ([], [KEYS[0]])


def test_hashed_names() -> None:
    known = KnownHosts(f"{hashed('web')} {LINES[0]}\n{hashed('[web]:2222')} {LINES[1]}\n")
    assert known.lookup("web").keys == [KEYS[0]]
    assert known.lookup("web", 2222).keys == [KEYS[1]]
    assert known.lookup("we").keys == []


def test_patterns_and_their_exceptions() -> None:
    known = KnownHosts(f"*.corp,!db?.corp {LINES[0]}\n[*.corp]:22?? {LINES[1]}\n")
    assert known.lookup("web.corp").keys == [KEYS[0]]
    assert known.lookup("db1.corp").keys == []
    assert known.lookup("web.corpse").keys == []
    assert known.lookup("web.corp", 2222).keys == [KEYS[1]]


def test_authorities_and_revoked_keys() -> None:
    known = KnownHosts(f"@cert-authority *.corp {LINES[0]}\n@revoked * {LINES[1]}\nweb.corp {LINES[2]}\n")
    for port in (22, 2222):
        found = known.lookup("web.corp", port)
        assert found.authorities == [KEYS[0]]
        assert found.revoked == [KEYS[1]]
    assert found.without_port == [KEYS[2]]


@pytest.mark.parametrize(
    "line",
    ["web", "web ssh-ed25519", "web ssh-ed25519 !!!", "@wrong web " + LINES[1], "|1|x|y " + LINES[1], "! " + LINES[1]],
    # The keys are new in every process; names of tests must not be.
    ids=["name alone", "no key", "no base64", "unknown marker", "bad hash", "bad negation"],
)
def test_a_bad_line_spoils_only_itself(line: str) -> None:
    known = KnownHosts(f"# comment\n\n{line}\nweb {LINES[0]}\n")
    assert known.lookup("web").keys == [KEYS[0]]


@given(st.text(max_size=200))
def test_any_text_is_survived(text: str) -> None:
    found = KnownHosts(text + f"\nweb {LINES[0]}").lookup("web")
    assert KEYS[0] in found.keys


@pytest.mark.parametrize("port", [22, 2222])
def test_what_ssh_keygen_hashes_is_found(tmp_path: Path, port: int) -> None:
    name = "web" if port == 22 else f"[web]:{port}"
    file = tmp_path / "known_hosts"
    file.write_text(f"{name} {LINES[0]}\n{name} {LINES[1]}\nother {LINES[2]}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    assert "web" not in file.read_text()
    assert KnownHosts(file.read_text()).lookup("web", port).keys == KEYS[:2]


def test_ten_thousand_lines_cost_little() -> None:
    import time

    text = "".join(f"host{number} {LINES[0]}\n" for number in range(10000))
    began = time.process_time()
    known = KnownHosts(text)
    for number in range(50):
        assert known.lookup(f"host{number}").keys
    assert time.process_time() - began < 1.0


def test_a_hashed_line_is_tried_until_its_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def counting(*args: object) -> bytes:
        tried.append(args)
        return hmac.digest(*args)  # type: ignore[arg-type]

    names = [f"h{number}" for number in range(8)]
    known = KnownHosts("\n".join(f"{hashed(name, name.encode() * 10)} {LINES[0]}" for name in names))
    monkeypatch.setattr(known_hosts, "hmac", SimpleNamespace(digest=counting))
    for _ in range(2):
        assert [len(known.lookup(name).keys) for name in names] == [1] * 8
    assert len(tried) == 8 + 7 + 6 + 5 + 4 + 3 + 2 + 1
    assert known.lookup("another").keys == []


def test_lines_that_come_later_count() -> None:
    known = KnownHosts(f"{hashed('web')} {LINES[0]}\n")
    assert len(known.lookup("web").keys) == 1
    known.add(f"{hashed('web')} {LINES[1]}\nweb {LINES[0]}\n@revoked * {LINES[1]}\n")
    found = known.lookup("web")
    assert (len(found.keys), len(found.revoked)) == (2, 1)


def test_records_say_where_an_answer_comes_from() -> None:
    known = KnownHosts()
    known.add(f"# a note\nweb {LINES[0]} set by hand\n@cert-authority *.example {LINES[1]}\n", "/one")
    known.add(f"{hashed('web')} {LINES[2]}\n@revoked * {LINES[3]} x\nweb broken\n", "/two")
    found = [(r.marker, r.key, r.place, r.comment, r.exact) for r in known.records("WEB")]
    assert sorted(found, key=lambda each: each[2]) == [
        ("", KEYS[0], "/one:2", "set by hand", True),
        ("", KEYS[2], "/two:1", "", True),
        ("@revoked", KEYS[3], "/two:2", "x", True),
    ]
    plain = [(r.key, r.exact) for r in known.records("web", 2222) if not r.marker]
    assert plain == [(KEYS[0], False), (KEYS[2], False)]
    assert [r.place for r in known.records("a.example")] == ["/one:3", "/two:2"]
