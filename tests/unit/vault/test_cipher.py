from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stella_ops.errors import VaultError
from stella_ops.vault import cipher
from stella_ops.vault.envelope import is_encrypted, open_envelope, seal, vault_id_of

NAMES = ["vars-1.1.vault", "vars-1.2.vault", "binary.vault", "empty.vault", "whole-blocks.vault"]
PASSWORD = b"the password"
SAMPLE = cipher.encrypt(b"some text that is kept secret", PASSWORD, "prod")


@pytest.mark.parametrize("name", NAMES)
def test_what_ansible_vault_wrote(name: str, folder: Path, recorded: dict[str, Any]) -> None:
    wanted = recorded["files"][name]
    data = (folder / name).read_bytes()
    opened = open_envelope(data)
    assert opened.vault_id == wanted["vault_id"]
    password = recorded["passwords"][wanted["password"]].encode()
    assert cipher.decrypt(opened, password) == bytes.fromhex(wanted["hex"])
    assert cipher.decrypt(opened, password + b"!") is None


@pytest.mark.parametrize("name", NAMES)
def test_it_is_written_in_the_very_same_form(name: str, folder: Path) -> None:
    data = (folder / name).read_bytes()
    opened = open_envelope(data)
    assert seal(opened.salt, opened.hmac, opened.ciphertext, opened.vault_id) == data


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.binary(min_size=1, max_size=40), st.sampled_from([None, "default", "prod", "ä b"]))
def test_round_trips(plain: bytes, password: bytes, vault_id: str | None) -> None:
    data = cipher.encrypt(plain, password, vault_id)
    assert is_encrypted(data)
    assert vault_id_of(data) == (None if vault_id == "default" else vault_id)
    assert data.startswith(b"$ANSIBLE_VAULT;1.2;" if vault_id in ("prod", "ä b") else b"$ANSIBLE_VAULT;1.1;AES256\n")
    assert all(len(line) <= 80 for line in data.splitlines())
    assert cipher.decrypt(open_envelope(data), password) == plain
    assert cipher.decrypt(open_envelope(data.replace(b"\n", b"\r\n")), password) == plain


def test_every_encryption_has_its_own_salt() -> None:
    made = [open_envelope(cipher.encrypt(b"same", PASSWORD, None)) for _ in range(3)]
    assert len({each.salt for each in made}) == len({each.ciphertext for each in made}) == 3


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_is_an_error_and_never_another_plaintext(data: st.DataObject) -> None:
    damaged = bytearray(SAMPLE)
    start = SAMPLE.index(b"\n") + 1
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(start, len(damaged) - 1))
        what = data.draw(st.sampled_from(["change", "remove", "insert", "cut"]))
        byte = data.draw(st.integers(0, 255))
        if what == "change":
            damaged[position] = byte
        elif what == "remove":
            del damaged[position]
        elif what == "insert":
            damaged.insert(position, byte)
        else:
            del damaged[position:]
        if len(damaged) <= start:
            break
    try:
        found = cipher.decrypt(open_envelope(bytes(damaged)), PASSWORD)
    except VaultError:
        return
    assert found in (None, b"some text that is kept secret")


@settings(deadline=None)
@given(st.integers(0, 8 * 32 - 1))
def test_a_bit_that_was_changed(bit: int) -> None:
    opened = open_envelope(SAMPLE)
    for part in ("ciphertext", "hmac", "salt"):
        changed = bytearray(getattr(opened, part))
        changed[bit // 8] ^= 1 << bit % 8
        assert cipher.decrypt(dataclasses.replace(opened, **{part: bytes(changed)}), PASSWORD) is None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_junk_behind_the_mark(junk: bytes, with_header: bool) -> None:
    header = b"$ANSIBLE_VAULT;1.1;AES256\n" if with_header else b"$ANSIBLE_VAULT"
    with pytest.raises(VaultError):
        open_envelope(header + junk)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "does not begin with"),
        (b"a: 1\n", "does not begin with"),
        (b"$ANSIBLE_VAULT\n3132\n", "first line of the encrypted data is damaged"),
        (b"$ANSIBLE_VAULTED;1.1;AES256\n3132\n", "first line of the encrypted data is damaged"),
        (b"$ANSIBLE_VAULT;1.0;AES\n3132\n", "vault format '1.0' is not known"),
        (b"$ANSIBLE_VAULT;1.1;AES\n3132\n", "the vault cipher 'AES' is not known"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n", "cut short"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n313\n", "its body is not hexadecimal"),
        ("$ANSIBLE_VAULT;1.1;AES256\n31é2\n".encode(), "its body is not hexadecimal"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n\xff\n", "it is no text"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n" + b"zz\n00\n00".hex().encode(), "its salt is not hexadecimal"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n" + b"00\n00\n00".hex().encode(), "wrong length"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, message: str) -> None:
    with pytest.raises(VaultError, match=message) as caught:
        open_envelope(data)
    assert caught.value.hint


@pytest.mark.parametrize("vault_id", ["a;b", "a\nb", " a", "a\x1b"])
def test_vault_ids_that_would_break_the_first_line(vault_id: str) -> None:
    with pytest.raises(VaultError, match="is no vault id"):
        cipher.encrypt(b"x", PASSWORD, vault_id)
