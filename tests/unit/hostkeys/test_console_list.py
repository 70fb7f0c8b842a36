import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.errors import ParseError
from stella_ops.hostkeys.console_list import parse_console_list, read_console_list

CLOUD_INIT = """\
[   31.1] cloud-init[777]: Cloud-init v. 22.4.2 finished at Sat, 01 Mar 2025 00:00:00 +0000
<14>Mar  1 00:00:00 cloud-init: #############################################################
<14>Mar  1 00:00:00 cloud-init: -----BEGIN SSH HOST KEY FINGERPRINTS-----
<14>Mar  1 00:00:00 cloud-init: 256 {fingerprint} root@web1 (ED25519)
<14>Mar  1 00:00:00 cloud-init: -----END SSH HOST KEY FINGERPRINTS-----
-----BEGIN SSH HOST KEY KEYS-----
{key} root@web1
-----END SSH HOST KEY KEYS-----
"""


def parsed(text, host=None):
    return [(k.kind, k.fingerprint, k.hosts, k.named) for k in parse_console_list(text, "list", host)]


def test_the_console_of_cloud_init(public):
    key, fingerprint = public()
    found = list(parse_console_list(CLOUD_INIT.format(key=key, fingerprint=fingerprint), "log"))
    assert [(k.fingerprint, k.hosts, k.named, k.where) for k in found] == [
        (fingerprint, ("web1",), False, "log:4"),
        (fingerprint, ("web1",), False, "log:7"),
    ]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_what_ssh_keygen_prints_and_the_key_itself_are_one(tmp_path, kind):
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "root@Web1", "-f", file], check=True)
    said = subprocess.run(["ssh-keygen", "-lf", f"{file}.pub"], check=True, capture_output=True, text=True).stdout
    public = (tmp_path / "key.pub").read_text()
    assert parsed(said) == parsed(public)
    assert parsed(said) == [(kind, said.split()[1], ("web1",), False)]
    assert parsed(f"[web1]:2222,10.0.0.1 {public}") == [(kind, said.split()[1], ("[web1]:2222", "10.0.0.1"), True)]
    assert parsed(f"web1 {public}") == [(kind, said.split()[1], ("web1",), True)]


def test_whose_console_it_is(public):
    key, fingerprint = public()
    assert parsed(f"other {key}", "Web1") == [("ed25519", fingerprint, ("web1",), True)]
    assert parsed(f"256 {fingerprint} no comment (ED25519)") == [("ed25519", fingerprint, (), False)]
    assert parsed(f"256 {fingerprint} (ED25519)") == [("ed25519", fingerprint, (), False)]
    assert parsed(f"\x1b[32m256 {fingerprint} (ED25519)\x1b[0m") == [("ed25519", fingerprint, (), False)]


def test_a_prefix_of_a_console_is_no_host(public):
    key, fingerprint = public()
    for prefix in ("cloud-init:", "<14>x", "*", "[   31.1]"):
        assert parsed(f"{prefix} {key}") == [("ed25519", fingerprint, (), False)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "256 MD5:aa:bb:cc root@web (ED25519)",
        "web ssh-ed25519 AAAA",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIMmQnv8DZ82LRT3aLmrdRrJzvqlxfZENWICdDP75zUe1",
        "256 SHA256:short (ED25519)",
    ],
)
def test_what_is_no_key_is_passed_over(text):
    assert parsed(text) == []


@given(st.text())
def test_any_text_can_be_read(text):
    for key in parse_console_list(text, "list"):
        assert key.fingerprint.startswith("SHA256:")


def test_a_file_without_keys_or_that_is_not_there(tmp_path):
    (tmp_path / "list").write_text("nothing\n")
    with pytest.raises(ParseError, match="no host key"):
        read_console_list(tmp_path / "list")
    with pytest.raises(ParseError, match="cannot read"):
        read_console_list(tmp_path / "gone")
