import subprocess
from pathlib import Path

import asyncssh
import pytest

from stella_ops.errors import AuthenticationError, InventoryError
from stella_ops.transport.login_keys import agent_socket, load_key


def make(path: Path, kind: str, passphrase: str = "", form: str = "OPENSSH") -> Path:
    words = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)]
    if form != "OPENSSH":
        words += ["-m", form]
    subprocess.run(words, check=True)
    return path


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("form", ["OPENSSH", "PEM", "PKCS8"])
def test_keys_of_all_forms_are_read_and_those_with_a_passphrase_left_to_the_agent(
    tmp_path: Path, kind: str, form: str
) -> None:
    if kind == "ed25519" and form == "PEM":
        pytest.skip("there is no such form")
    assert isinstance(load_key(make(tmp_path / "open", kind, form=form), "web")[0], asyncssh.SSHKey)
    assert load_key(make(tmp_path / "locked", kind, "secret", form), "web") == ()


def test_a_certificate_beside_the_key_goes_with_it(tmp_path: Path) -> None:
    ca, key = make(tmp_path / "ca", "ed25519"), make(tmp_path / "key", "ed25519")
    subprocess.run(["ssh-keygen", "-q", "-s", ca, "-I", "me", "-n", "ops", f"{key}.pub"], check=True)
    pair, bare = load_key(key, "web")
    assert pair[0] == bare
    assert isinstance(pair[1], asyncssh.SSHCertificate)


def test_a_missing_key_and_no_key_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match=r"cannot read the private key .*No such file"):
        load_key(tmp_path / "gone", "web")
    with pytest.raises(InventoryError, match="directory"):
        load_key(tmp_path, "web")
    (tmp_path / "text").write_text("no key\n")
    with pytest.raises(AuthenticationError, match="is no private key"):
        load_key(tmp_path / "text", "web")
    make(tmp_path / "key", "ed25519")
    with pytest.raises(AuthenticationError, match="is no private key"):
        load_key(tmp_path / "key.pub", "web")


def test_the_agents_socket_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    assert agent_socket() is None
    (tmp_path / "sock").write_text("")
    assert agent_socket(str(tmp_path / "sock")) == str(tmp_path / "sock")
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert agent_socket() is None
