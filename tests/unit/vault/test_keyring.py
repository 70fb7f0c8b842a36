from __future__ import annotations

import copy
from pathlib import Path

import pytest

from stella_ops.errors import InventoryError, PlaybookError, TemplateError, VaultError
from stella_ops.inventory.source_text import read_source
from stella_ops.origins import SourceVault, VaultedText
from stella_ops.playbook.variables import load_vars_file
from stella_ops.source_files import load_yaml, load_yaml_file
from stella_ops.templating.templar import Templar
from stella_ops.vault.cipher import encrypt
from stella_ops.vault.keyring import Keyring, Secret, take_up

A, B = Secret("a", b"password a"), Secret("b", b"password b")


def sealed(secret: Secret, vault_id: str | None, text: str = "plain") -> bytes:
    return encrypt(text.encode(), secret.password, vault_id)


@pytest.mark.parametrize("vault_id", [None, "a", "b", "other"])
def test_any_password_may_fit(vault_id: str | None) -> None:
    assert Keyring([B, A]).unlock(sealed(A, vault_id)) == (b"plain", A)


def test_the_password_of_the_vault_id_comes_first() -> None:
    both = [Secret("a", b"same"), Secret("b", b"same")]
    assert Keyring(both).unlock(sealed(both[1], "b"))[1] is both[1]
    assert Keyring(both, default_id="b").unlock(sealed(both[1], None))[1] is both[1]


def test_match_only() -> None:
    keyring = Keyring([A, B], match_only=True)
    assert keyring.decrypt(sealed(A, "a")) == b"plain"
    with pytest.raises(VaultError, match="ANSIBLE_VAULT_ID_MATCH") as caught:
        keyring.decrypt(sealed(A, "c"))
    assert caught.value.hint == "give --vault-id c@FILE; there are passwords for: a, b"
    with pytest.raises(VaultError, match="no vault password fits"):
        keyring.decrypt(sealed(A, "b"))


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(VaultError) as none:
        Keyring().decrypt(sealed(A, "prod"), "vars.yml:3:4")
    assert (none.value.where, none.value.message) == (
        "vars.yml:3:4",
        "Attempting to decrypt but no vault secrets found: "
        "this is encrypted (vault id 'prod'), and there is no vault password",
    )
    assert none.value.hint == "give --vault-password-file FILE, --vault-id prod@FILE, or --ask-vault-pass"
    with pytest.raises(VaultError) as wrong:
        Keyring([B]).decrypt(sealed(A, None))
    assert "no vault id" in wrong.value.message and wrong.value.hint
    assert "tried were the passwords of: b" in wrong.value.hint


def test_nothing_shows_a_password() -> None:
    assert "password a" not in repr(Keyring([A])) + repr(A) + str(A)


def test_the_secret_to_encrypt_with() -> None:
    keyring = Keyring([A, B])
    assert keyring.encrypting(None) is A
    assert keyring.encrypting("b") is B
    with pytest.raises(VaultError, match="--encrypt-vault-id=c in"):
        keyring.encrypting("c")


def test_texts_of_ansible_vault(both: Keyring, folder: Path) -> None:
    loaded = load_yaml_file(folder / "strings.yml")
    assert all(isinstance(value, SourceVault) for value in loaded.values())
    templar = Templar()
    assert templar.render(loaded, {}) == {"token": "hello {{ x }} £", "pem": "two\nlines\n"}
    # Data, never a template, wherever it is used.
    variables = {**loaded, "x": 1, "all": loaded, "list": [loaded["token"]]}
    for text in ("{{ token }}", "{{ all.token }}", "{{ list | first }}", "{{ all['token'] | default('none') }}"):
        value = load_yaml(f'"{text}"', "t")
        assert templar.render(value, variables) == "hello {{ x }} £", text
    assert type(templar.render(loaded["token"], {})) is str
    assert templar.evaluate(load_yaml("token is vault_encrypted and 'x' is not vault_encrypted", "t"), variables)
    assert both.revealed == ["hello {{ x }} £", "two\nlines\n"]


def test_yaml_filters_write_what_was_encrypted_as_it_was(both: Keyring, folder: Path) -> None:
    loaded = load_yaml_file(folder / "strings.yml")
    text = "{{ {'t': token, 'u': 'x'} | to_nice_yaml }}"
    written = Templar().render(load_yaml(f'"{text}"', "t"), loaded)
    again = load_yaml(written, "again")
    assert (again["t"], again["u"]) == (loaded["token"], "x")
    assert isinstance(again["t"], SourceVault) and "hello" not in written
    plain = Templar().render(load_yaml("\"{{ {'t': token} | to_yaml(dump_vault_tags=false) }}\"", "t"), loaded)
    assert "hello" in plain
    assert "hello" in Templar().render(load_yaml("'{{ [token] | to_json }}'", "t"), loaded)


def test_texts_are_decrypted_when_they_are_used(folder: Path) -> None:
    take_up(Keyring())
    text = (folder / "strings.yml").read_text()
    loaded = load_yaml(text + "open: 1\n", "vars.yml")
    templar = Templar()
    assert templar.render(load_yaml("'{{ open }}'", "t"), loaded) == 1
    for written in ("'{{ token }}'", "'{{ token | default(1) }}'", "'{{ [token] }}'"):
        with pytest.raises(TemplateError, match="there is no vault password") as caught:
            templar.render(load_yaml(written, "t"), loaded)
        assert caught.value.where == "vars.yml:1:8"
    assert "$ANSIBLE" not in repr(loaded["token"])
    assert copy.deepcopy(loaded["token"]) is loaded["token"]


def test_json_has_a_form_of_its_own(both: Keyring) -> None:
    data = encrypt(b"x", b"first password", None).decode()
    [loaded] = load_yaml('[{"__ansible_vault": "' + data.replace("\n", "\\n") + '"}]', "v.json")
    assert loaded.reveal() == "x"


def test_a_text_that_is_no_text(both: Keyring) -> None:
    data = encrypt(b"\xff", b"first password", None).decode()
    with pytest.raises(TemplateError, match="not UTF-8"):
        SourceVault(data, load_yaml("x", "t").origin).reveal()


def test_files_of_ansible_vault(both: Keyring, folder: Path) -> None:
    assert load_vars_file(folder / "vars-1.2.vault") == {"api_key": "0123456789abcdef"}
    assert load_vars_file(folder / "empty.vault") == {}
    text = read_source(folder / "vars-1.1.vault")
    assert isinstance(text, VaultedText) and text.startswith("user: deploy\n")
    # Longer values of encrypted files are kept out of records; templates and short ones are not looked at.
    assert both.revealed == ["0123456789abcdef"]


def test_readers_raise_their_own_error(folder: Path) -> None:
    take_up(Keyring([A]))
    path = folder / "vars-1.2.vault"
    for read, error in ((load_vars_file, PlaybookError), (read_source, InventoryError)):
        with pytest.raises(error, match="vault id 'prod'") as caught:
            read(path)
        assert caught.value.where == f"{path}:1"
