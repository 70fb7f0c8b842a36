from __future__ import annotations

import base64
import json
import shlex
import time
from dataclasses import dataclass
from typing import Any
from unittest import mock
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stella_ops import redaction
from stella_ops.redaction import MASK, Redactor

secrets = st.text(st.characters(exclude_categories=("Cs",)), min_size=6, max_size=40)


def holding(*values: str) -> Redactor:
    redactor = Redactor()
    for value in values:
        redactor.add(value)
    return redactor


@pytest.mark.parametrize(
    "disguise",
    [
        lambda s: s,
        lambda s: f"before {s} after",
        json.dumps,
        lambda s: json.dumps(s, ensure_ascii=False),
        lambda s: json.dumps(json.dumps({"a": s})),
        repr,
        shlex.quote,
        lambda s: quote(s, safe=""),
        quote_plus,
        lambda s: quote(s, safe="").lower() if s.isascii() and s == s.lower() else quote(s),
        lambda s: base64.b64encode(s.encode()).decode(),
        lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
        lambda s: base64.b64encode(b"user:" + s.encode()).decode(),
        lambda s: base64.b64encode(b"x" + s.encode() + b"trailer").decode(),
        lambda s: s.encode().hex(),
        lambda s: s.encode().hex().upper(),
        lambda s: s.replace("'", "'\\''"),
        lambda s: s + "\n",
    ],
)
@pytest.mark.parametrize(
    "secret",
    [
        "hunter2-and-more",
        'it\'s "quoted" & $odd\\`x`',
        "pä/ss wörd+=?",
        "multi\nline secret text",
        "a'b'c'd'",
    ],
)
def test_every_disguise_is_seen_through(secret: str, disguise: Any) -> None:
    shown = disguise(secret)
    clean = holding(secret).scrub(shown)
    assert MASK in clean
    assert secret not in clean
    # What is left of a disguise must not lead back to the secret.
    assert len(clean.replace(MASK, "")) <= len(shown) - len(secret) + 12


@given(secrets, st.text(), st.text())
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    kept = secret.strip("\r\n")
    assume(len(kept) >= 4 and kept not in MASK)
    clean = holding(secret).scrub({"a": [before + secret + after], secret: {"b": (secret,)}})
    for text in (clean["a"][0], *clean, *(value["b"][0] for key, value in clean.items() if key != "a")):
        assert kept not in text.replace(MASK, "") or kept in before or kept in after


@given(st.lists(secrets, min_size=1, max_size=8), st.lists(st.text() | st.integers(0, 7), max_size=6))
def test_both_ways_of_searching_agree(many: list[str], parts: list[str | int]) -> None:
    text = "".join(part if isinstance(part, str) else many[part % len(many)] for part in parts)
    redactor = holding(*many)
    by_pattern = redactor.scrub(text)
    with mock.patch.object(redaction, "_ONE_PATTERN", 0):  # as with thousands of secrets
        assert redactor.scrub(text) == by_pattern


def test_clean_values_come_back_themselves() -> None:
    value = {"a": [1, "x", None, {"b": ("c", 2.5)}], "d": b"bytes"}
    assert Redactor().scrub(value) is value
    assert holding("hunter2").scrub(value) is value


def test_all_kinds_of_values() -> None:
    @dataclass(frozen=True)
    class Event:
        host: str
        result: dict[str, Any]

    redactor = holding("hunter2")
    assert redactor.scrub(b"x hunter2 \xff") == b"x " + MASK.encode() + b" \xff"
    assert redactor.scrub(("hunter2", 1)) == (MASK, 1)
    assert redactor.scrub({"hunter2"}) == {MASK}
    assert redactor.scrub({"xhunter2": 1, "hunter2": 2}) == {f"x{MASK}": 1, MASK: 2}
    event = redactor.scrub(Event("h", {"cmd": ["login", "-p", "hunter2"], "rc": 0}))
    assert event == Event("h", {"cmd": ["login", "-p", MASK], "rc": 0})


def test_two_secret_keys_stay_two() -> None:
    assert len(holding("hunter2", "hunter3").scrub({"hunter2": 1, "hunter3": 2})) == 2


def test_a_value_that_contains_itself_ends() -> None:
    value: list[Any] = ["hunter2"]
    value.append(value)
    assert "hunter2" not in repr(holding("hunter2").scrub(value))


@pytest.mark.parametrize("short", ["", "abc", "\nabc\n", None, 12345678, ["hunter2"]])
def test_what_is_no_secret(short: Any) -> None:
    redactor = Redactor()
    assert redactor.add(short) is False
    assert redactor.scrub(f"{short}") == f"{short}"


def test_a_longer_secret_is_masked_whole() -> None:
    assert holding("hunter", "hunter2-long").scrub("hunter2-long hunter") == f"{MASK} {MASK}"


def test_a_private_key_is_masked_line_by_line() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAwEHBG0wawIBAQQgX9\n-----END PRIVATE KEY-----\n"
    redactor = holding(key)
    assert redactor.scrub(key.splitlines())[1:3] == [MASK, MASK]
    assert redactor.scrub("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"
    assert redactor.scrub(f"cat said: {key}") == f"cat said: {MASK}\n"


def test_it_shows_no_secret_itself() -> None:
    assert "hunter2" not in repr(holding("hunter2"))


def test_thousands_of_secrets_cost_no_more_per_text() -> None:
    """2,000 hosts with a token each: a megabyte of results must take seconds at most, not minutes."""
    crowd = holding(*(f"{number:016x}.{'abcdefgh' * 5}{number}" for number in range(2000)))
    results = [{"stdout": "lorem ipsum dolor sit amet " * 20, "host": f"web{n}"} for n in range(2000)]
    began = time.process_time()
    assert all(crowd.scrub(result) is result for result in results)
    assert time.process_time() - began < 10
    assert MASK in crowd.scrub(f"token {1999:016x}.{'abcdefgh' * 5}1999")


@given(
    values=st.lists(secrets, min_size=1, max_size=4),
    between=st.lists(st.text("ab\n$'\"% ", max_size=6), min_size=5, max_size=5),
    data=st.data(),
)
def test_a_text_that_comes_in_pieces_shows_no_more_than_the_whole(values, between, data):
    redactor = holding(*values)
    whole = "".join(f"{part}{value}" for part, value in zip(between, [*values, "", "", "", ""][:5], strict=True))
    shown, waiting, left = "", "", whole
    while left:
        size = data.draw(st.integers(1, len(left)))
        waiting, left = waiting + left[:size], left[size:]
        place = redactor.cut(waiting, data.draw(st.integers(0, len(waiting))))
        shown += redactor.scrub(waiting[:place])
        waiting = waiting[place:]
    shown += redactor.scrub(waiting)
    assert shown == redactor.scrub(whole)


def test_what_may_become_a_secret_waits_for_the_rest_of_it():
    redactor = holding("top-secret", "two\nlines of it", "secretary")
    assert redactor.cut("the password is top-sec", 23) == 16
    assert redactor.cut("the password is top-secret", 26) == 16, "'secret' may become 'secretary'"
    assert redactor.cut("the password is top-secret\n", 27) == 27
    assert redactor.cut("it is two\n", 10) == 6
    assert redactor.cut("nothing of the kin", 18) == 18
    assert redactor.cut("now top-secret as ever", 9) == 4
    assert Redactor().cut("top-sec", 5) == 5


def test_cutting_costs_no_more_with_many_secrets():
    redactor = holding(*(f"token-{number:06}-{number * 7919:08x}" for number in range(2000)))
    line = "an ordinary line of a compiler's output, such as there are many\n" * 60
    began = time.process_time()
    for _ in range(20):
        assert redactor.cut(line, len(line)) == len(line)

    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://ops:pw@git.example.com:8443/x.git?a=b#c", "https://ops:********@git.example.com:8443/x.git?a=b#c"),
        ("https://ops:p@w@example.com/", "https://ops:********@example.com/"),
        ("https://ghp_token@github.com/x.git", "https://********@github.com/x.git"),
        ("ssh://git@example.com/x.git", "ssh://git@example.com/x.git"),
        ("git@example.com:x.git", "git@example.com:x.git"),
        ("https://example.com/a@b", "https://example.com/a@b"),
    ],
)
def test_an_address_without_its_password(address: str, shown: str) -> None:
    assert redaction.without_password(address) == shown
