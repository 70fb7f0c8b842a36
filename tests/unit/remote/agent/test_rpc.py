"""``stella-agent rpc``: the controller's side of the conversation, under each Python."""

import base64
import datetime
import hashlib
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl on this machine")
needs_ssh_keygen = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen on this machine")


def _spki_sha256(public_key):
    der = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


@pytest.fixture
def path_without_openssl(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ssh-keygen").symlink_to(shutil.which("ssh-keygen"))
    return {**os.environ, "PATH": str(folder)}


def test_version(agent, host_python):
    said = agent.ask("version")
    real = subprocess.run([host_python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    assert said == {"version": "1.2.3", "protocol": 1, "python": real}


def test_status_of_an_agent_that_has_nothing_yet(agent):
    status = agent.ask("status")
    assert (status["version"], status["running"], status["pid"]) == ("1.2.3", False, None)
    for name in ("config_revision", "config_sha256", "agent_id", "certificate", "last_heartbeat", "started_at"):
        assert status[name] is None
    assert status["key"] is False
    assert status["identity_public_key_sha256"] is None


@needs_openssl
def test_csr_by_openssl(agent):
    result = agent.csr()
    assert (result["kind"], result["token"]) == ("pkcs10", agent.token)
    request = x509.load_pem_x509_csr(result["csr"].encode())
    assert request.is_signature_valid
    assert isinstance(request.signature_hash_algorithm, hashes.SHA256)
    assert [(a.oid._name, a.value) for a in request.subject] == [("commonName", "web-01")]
    assert isinstance(request.public_key().curve, ec.SECP256R1)
    _check_key_file(agent, request.public_key())
    again = x509.load_pem_x509_csr(agent.csr()["csr"].encode())
    assert again.public_key() == request.public_key()


@needs_ssh_keygen
def test_proof_by_ssh_keygen_where_openssl_is_absent(agent, path_without_openssl, tmp_path):
    given = {"agent_id": "a-1", "name": "web-01", "environment": "test", "token": agent.token}
    response = agent.rpc("csr", env=path_without_openssl, **given)
    assert response["ok"], response
    result = response["result"]
    assert (result["kind"], result["token"]) == ("sshsig", agent.token)
    assert result["challenge"] == (
        "stella-enrol/v1\nagent_id=a-1\nname=web-01\nenvironment=test\ntoken_id=0123456789abcdef\n"
    )
    public = serialization.load_ssh_public_key(result["public_key"].encode())
    _check_key_file(agent, public)
    allowed, signature = tmp_path / "allowed", tmp_path / "sig"
    allowed.write_text(f"agent {result['public_key']}\n")
    signature.write_text(result["signature"])
    verify = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "agent", "-s", str(signature)]
    verify += ["-n", "stella-enrol@stella-ops"]
    subprocess.run(verify, input=result["challenge"].encode(), capture_output=True, check=True)
    forged = subprocess.run(verify, input=b"another challenge\n", capture_output=True, check=False)
    assert forged.returncode != 0
    again = agent.rpc("csr", env=path_without_openssl, **given)["result"]
    assert again["public_key"] == result["public_key"]


@needs_openssl
@needs_ssh_keygen
@pytest.mark.parametrize("order", [("openssl", "ssh-keygen"), ("ssh-keygen", "openssl")])
def test_a_key_made_by_one_tool_serves_the_other(agent, order):
    keys = []
    for tool in order:
        result = agent.csr(prefer=tool)
        if tool == "openssl":
            keys.append(x509.load_pem_x509_csr(result["csr"].encode()).public_key())
        else:
            keys.append(serialization.load_ssh_public_key(result["public_key"].encode()))
    assert keys[0] == keys[1]


@needs_openssl
@needs_ssh_keygen
@pytest.mark.parametrize("tool", ["openssl", "ssh-keygen"])
def test_a_lost_public_half_is_made_again_from_the_key(agent, tool):
    agent.csr()
    before = Path(agent.layout.public_key).read_bytes()
    os.unlink(agent.layout.public_key)
    agent.csr(prefer=tool)
    assert Path(agent.layout.public_key).read_bytes() == before


def _check_key_file(agent, public):
    key = serialization.load_pem_private_key(Path(agent.layout.key).read_bytes(), None)
    assert Path(agent.layout.key).read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert key.public_key() == public
    assert stat.S_IMODE(os.stat(agent.layout.key).st_mode) == 0o600
    left = sorted(os.listdir(agent.layout.identity))
    assert left == [".lock", "agent.key", "agent.pub"]
    status = agent.ask("status")
    assert status["key"] is True
    assert status["identity_public_key_sha256"] == _spki_sha256(public)


def test_without_either_tool_it_says_what_to_install(agent, tmp_path):
    given = {"agent_id": "a-1", "name": "web-01", "environment": "test", "token": agent.token}
    response = agent.rpc("csr", env={"PATH": str(tmp_path)}, **given)
    assert response["error"]["code"] == "no-key-tool"
    assert "openssl is not installed" in response["error"]["message"]
    assert "ssh-keygen" in response["error"]["hint"]
    assert not os.path.exists(agent.layout.key)


@needs_openssl
def test_the_token_reaches_no_file_and_no_argv_and_the_key_is_never_wider(agent, tmp_path):
    folder, seen = tmp_path / "bin", tmp_path / "seen"
    folder.mkdir()
    spy = folder / "openssl"
    real = shutil.which("openssl")
    spy.write_text(
        f'#!/bin/sh\n{{ echo "argv $*"; env; umask; ls -lR {agent.layout.identity}; }} >> {seen}\n'
        f'{real} "$@"\nstatus=$?\nls -lR {agent.layout.identity} >> {seen}\nexit $status\n'
    )
    spy.chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    given = {"agent_id": "a-1", "name": "web-01", "environment": "test", "token": agent.token}
    assert agent.rpc("csr", env=environment, **given)["ok"]
    told = seen.read_text()
    assert "argv genpkey" in told
    assert "0077" in told
    assert agent.token.split(".")[1] not in told
    keys = [line for line in told.splitlines() if line.endswith((" key", " agent.key"))]
    assert keys
    assert all(line.startswith("-rw-------") for line in keys)
    for path in Path(agent.prefix).rglob("*"):
        if path.is_file():
            assert agent.token.split(".")[1].encode() not in path.read_bytes()


BAD_PARAMETERS = [
    ("name", "web 01"),
    ("name", "../../etc"),
    ("name", "a/CN=admin"),
    ("name", "-config"),
    ("name", "a\nenvironment=prod"),
    ("name", "x" * 64),
    ("agent_id", ""),
    ("environment", None),
    ("token", "not-a-token"),
    ("token", "0123456789abcdef." + "s" * 42),
    ("prefer", "gpg"),
]


def test_csr_refuses_bad_parameters_without_repeating_them(agent):
    good = {"agent_id": "a-1", "name": "web-01", "environment": "test", "token": agent.token}
    responses = agent.rpcs(*(("csr", {**good, field: value}) for field, value in BAD_PARAMETERS))
    for (field, value), response in zip(BAD_PARAMETERS, responses, strict=True):
        assert response["error"]["code"] == "invalid-params"
        assert response["error"]["message"].startswith(f"{field}:")
        assert not value or value not in response["error"]["message"]
    assert agent.token not in json.dumps(responses)
    assert not os.path.exists(agent.layout.key)


def test_install_identity(agent, authority):
    public = _public_key(agent)
    leaf, chain = authority.issue(public)
    installed = agent.ask("install-identity", chain=chain, ca=authority.ca)
    fingerprint = leaf.fingerprint(hashes.SHA256()).hex()
    assert installed == {"changed": True, "fingerprint_sha256": fingerprint}
    assert agent.ask("install-identity", chain=chain, ca=authority.ca)["changed"] is False
    assert Path(agent.layout.certificate).read_text() == chain
    assert Path(agent.layout.ca).read_text() == authority.ca
    assert stat.S_IMODE(os.stat(agent.layout.certificate).st_mode) == 0o644
    status = agent.ask("status")["certificate"]
    assert status["fingerprint_sha256"] == fingerprint
    assert status["subject_cn"] == "web-01"
    assert int(status["serial"], 16) == leaf.serial_number
    for told, meant in (
        (status["not_before"], leaf.not_valid_before_utc),
        (status["not_after"], leaf.not_valid_after_utc),
    ):
        assert datetime.datetime.fromisoformat(told) == meant


def test_install_identity_refuses_a_leaf_for_another_key(agent, authority):
    public = _public_key(agent)
    _, good = authority.issue(public)
    agent.ask("install-identity", chain=good, ca=authority.ca)
    _, chain = authority.issue(ec.generate_private_key(ec.SECP256R1()).public_key())
    response = agent.rpc("install-identity", chain=chain, ca=authority.ca)
    assert response["error"]["code"] == "key-mismatch"
    assert Path(agent.layout.certificate).read_text() == good
    assert not [name for name in os.listdir(agent.layout.identity) if name.startswith(".checking")]


def test_install_identity_refuses_what_is_no_certificate(agent, authority):
    public = _public_key(agent)
    _, chain = authority.issue(public)
    block = base64.b64encode(b"no certificate at all").decode()
    nonsense = f"-----BEGIN CERTIFICATE-----\n{block}\n-----END CERTIFICATE-----\n"
    wrongs = {"": "invalid-params", "hello": "invalid-params", nonsense: "invalid-chain"}
    given = [pair for wrong in wrongs for pair in ((wrong, authority.ca), (chain, wrong))]
    responses = agent.rpcs(*(("install-identity", {"chain": chain, "ca": ca}) for chain, ca in given))
    assert [each["error"]["code"] for each in responses] == [code for code in wrongs.values() for _ in range(2)]
    assert not os.path.exists(agent.layout.certificate)
    assert not os.path.exists(agent.layout.ca)


def test_install_identity_without_a_key(agent, authority):
    _, chain = authority.issue(ec.generate_private_key(ec.SECP256R1()).public_key())
    response = agent.rpc("install-identity", chain=chain, ca=authority.ca)
    assert response["error"]["code"] == "no-key"


def _public_key(agent):
    agent.csr()
    return serialization.load_pem_public_key(Path(agent.layout.public_key).read_bytes())


def test_apply_config(agent):
    config = agent.config(labels={"tier": "web", "äöü": "ß"}, heartbeat_interval="10s")
    wanted = (json.dumps(config, sort_keys=True, separators=(",", ":")) + "\n").encode()
    apply = ("apply-config", {"config": config, "revision": 7})
    applied, status, again = (each["result"] for each in agent.rpcs(apply, ("status", {}), apply))
    assert applied == {"changed": True, "sha256": hashlib.sha256(wanted).hexdigest()}
    assert Path(agent.layout.config).read_bytes() == wanted
    assert (status["config_revision"], status["config_sha256"]) == (7, applied["sha256"])
    assert (status["agent_id"], status["name"], status["environment"]) == ("a-1", "web-01", "test")
    assert again["changed"] is False
    assert not os.path.exists(agent.layout.previous_config)
    newer = ("apply-config", {"config": agent.config(), "revision": 8})
    _, status = (each["result"] for each in agent.rpcs(newer, ("status", {})))
    assert Path(agent.layout.previous_config).read_bytes() == wanted
    assert status["config_revision"] == 8


def test_a_configuration_that_was_altered_by_hand_has_no_revision(agent):
    agent.ask("apply-config", config=agent.config(), revision=7)
    Path(agent.layout.config).write_text(json.dumps(agent.config(max_concurrent_tasks=9)))
    assert agent.ask("status")["config_revision"] is None


def test_apply_config_names_every_wrong_field(agent):
    config = agent.config(heartbeat_interval="soon", max_concurrent_tasks="5", labls={})
    config["observability"] = {"logging": {"level": "loud"}}
    response = agent.rpc("apply-config", config=config, revision=1)
    assert response["error"]["code"] == "invalid-config"
    named = sorted(problem.split(":")[0] for problem in response["error"]["problems"])
    assert named == ["heartbeat_interval", "labls", "max_concurrent_tasks", "observability.logging.level"]
    assert "did you mean 'labels'?" in response["error"]["message"]
    assert not os.path.exists(agent.layout.config)


def test_heartbeats_after_a_number(agent):
    for _ in range(2):
        process = agent.run()
        process.terminate()
        process.wait()
    told = agent.ask("heartbeats", after_seq=1, limit=2)
    assert [beat["seq"] for beat in told["heartbeats"]] == [2, 3]
    assert told["last_seq"] == 4
    assert agent.ask("heartbeats", after_seq=4) == {"heartbeats": [], "last_seq": 4}


def test_status_while_it_runs(agent):
    process = agent.run()
    status = agent.ask("status")
    assert (status["running"], status["pid"]) == (True, process.pid)
    assert status["last_heartbeat"]["seq"] == 1
    assert status["started_at"].endswith("Z")


def test_several_requests_are_answered_in_order_and_one_failure_does_not_stop_the_rest(agent):
    requests = [{"method": "version"}, {"method": "dance"}, "nonsense", {"method": "heartbeats", "params": {}}]
    done = agent.command("rpc", given=json.dumps({"requests": requests}).encode())
    responses = json.loads(done.stdout)["responses"]
    assert [response["ok"] for response in responses] == [True, False, False, True]
    assert responses[1]["error"]["code"] == "unknown-method"
    assert "apply-config" in responses[1]["error"]["hint"]


def test_a_malformed_document(agent):
    for given in (b"", b"[]", b'{"requests": 3}', b"\xff\xfe", b'{"requests": [{"tok'):
        done = agent.command("rpc", given=given)
        assert done.returncode == 2
        assert json.loads(done.stdout)["responses"][0]["error"]["code"] == "bad-request"
        assert done.stderr == b""


def test_a_folder_that_is_not_there_and_cannot_be_made_is_an_answer(agent):
    agent.prefix.write_text("a file in the way")
    response = agent.rpc("apply-config", config=agent.config(), revision=1)
    assert response["error"]["code"] == "os-error"
    assert str(agent.prefix) in response["error"]["message"]
