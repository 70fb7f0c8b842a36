"""Values of a run come back from JSON as they were."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from stella_ops.engine.journal_values import LOST, from_json, is_lost, to_json
from stella_ops.origins import Origin, SourceList, SourceMapping, SourceText, SourceVault, VaultedText
from stella_ops.templating.omit import OMIT

PLACE = Origin("vars.yml", 3, 7)


def back(value: Any) -> Any:
    return from_json(json.loads(json.dumps(to_json(value))))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3.5,
        "ä\udcff",
        [],
        {"a": [1, {"b": None}]},
        {1: "one", None: 2, False: 3},
        {"!": "text", "v": 1},
        (1, (2,)),
        {1, 2},
        b"\0\xff",
        datetime.datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC),
        datetime.date(2025, 1, 2),
        float("inf"),
    ],
    ids=repr,
)
def test_plain_values(value: Any) -> None:
    assert back(value) == value and type(back(value)) is type(value)


def test_what_an_operator_wrote_keeps_its_place_and_its_trust() -> None:
    mapping = SourceMapping(PLACE)
    mapping[SourceText("key", PLACE)] = SourceList(PLACE, [SourceText("{{ x }}", PLACE)])
    mapping.key_origins["key"] = PLACE
    found = back({"v": mapping})["v"]
    assert type(found) is SourceMapping and found.origin == PLACE and found.key_origins == {"key": PLACE}
    [text] = found["key"]
    assert type(text) is SourceText and text == "{{ x }}" and text.origin == PLACE
    assert type(back(["{{ x }}"])[0]) is str


def test_what_is_encrypted_stays_so() -> None:
    assert back(SourceVault("$ANSIBLE_VAULT;1.1", PLACE)).ciphertext == "$ANSIBLE_VAULT;1.1"
    found = back(VaultedText("plain", "cipher"))
    assert type(found) is VaultedText and (found, found.ciphertext) == ("plain", "cipher")


def test_omit_and_what_cannot_be_kept() -> None:
    assert back(OMIT) is OMIT
    data = to_json({"a": [object()]})
    assert is_lost(data) and from_json(data) == {"a": [LOST]}
    assert not is_lost(to_json({"a": ["lost", {"!": "lost"}]}))
