"""What anybody may ask: installers, packages with their signatures, and refusals that tell nothing."""

from __future__ import annotations

import hashlib
import json
import re
import statistics
import subprocess
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from stella_ops import __version__

PACKAGE = f"/packages/{__version__}/stella-agent.pyz"


@pytest.fixture(scope="module")
def stranger(server):
    return server.client()


def curl(server, *args):
    command = ["curl", "-sS", "--cacert", str(server.root), *args]
    return subprocess.run(command, capture_output=True, check=False)


def test_install_sh_by_the_servers_key_alone(server):
    """As the one-line command does it, on a host that has never heard of the authority."""
    pin = re.search(r"sha256//\S+=", server.ready)[0]
    url = f"https://127.0.0.1:{server.port}/install.sh"
    done = subprocess.run(
        ["curl", "-sSL", "--insecure", "--pinnedpubkey", pin, url], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("#!/")
    assert hashlib.sha256(server.fleet.package.path.read_bytes()).hexdigest() in done.stdout
    subprocess.run(["sh", "-n"], input=done.stdout, text=True, check=True)
    wrong = "sha256//" + "A" * 43 + "="
    refused = subprocess.run(
        ["curl", "-sSL", "--insecure", "--pinnedpubkey", wrong, url], capture_output=True, check=False
    )
    assert refused.returncode == 90


def test_install_ps1(stranger):
    answer = stranger.get("/install.ps1")
    assert answer.status_code == 200
    assert "Install-StellaAgent" in answer.text


def test_the_package_in_ranges(server, tmp_path):
    whole = server.fleet.package.path.read_bytes()
    url = f"https://127.0.0.1:{server.port}{PACKAGE}"
    assert curl(server, url).stdout == whole
    assert curl(server, "-r", "0-9", url).stdout == whole[:10]
    assert curl(server, "-r", "-7", url).stdout == whole[-7:]
    (tmp_path / "part").write_bytes(whole[:1000])
    done = curl(server, "-C", "-", "-o", str(tmp_path / "part"), url)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "part").read_bytes() == whole
    head = curl(server, "-I", url).stdout.decode().lower()
    assert f"content-length: {len(whole)}" in head
    assert "accept-ranges: bytes" in head
    beyond = curl(server, "-r", f"{len(whole) + 5}-", "-o", "/dev/null", "-w", "%{http_code}", url)
    assert beyond.stdout == b"416"


def test_the_packages_signatures(server, stranger, tmp_path):
    (tmp_path / "package").write_bytes(stranger.get(PACKAGE).content)
    (tmp_path / "sig").write_bytes(stranger.get(PACKAGE + ".sig").content)
    (tmp_path / "sshsig").write_text(stranger.get(PACKAGE + ".sshsig").text)
    (tmp_path / "key.pem").write_text(server.fleet.release_key.public_pem)
    (tmp_path / "signers").write_text(f"release {server.fleet.release_key.public_ssh}\n")
    verify = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "sig", "package"]
    subprocess.run(verify, cwd=tmp_path, check=True, capture_output=True)
    by_ssh = ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "release", "-n", "stella-release@stella-ops"]
    with (tmp_path / "package").open("rb") as file:
        subprocess.run([*by_ssh, "-s", "sshsig"], cwd=tmp_path, stdin=file, check=True, capture_output=True)
    assert stranger.get(PACKAGE + ".sig").content == (tmp_path / "sig").read_bytes()
    updates = server.enrol("upd1").client().get("/v1/agents/self/updates").json()
    assert updates["url"].endswith(PACKAGE)
    assert updates["sshsig"] == (tmp_path / "sshsig").read_text()


@pytest.mark.parametrize("path", ["/packages/9.9.9/stella-agent.pyz", "/packages/../stella-agent.pyz", "/x", "/v1/"])
def test_what_is_not_there(stranger, path):
    answer = stranger.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not-found")


def test_a_method_that_is_none(stranger):
    answer = stranger.delete("/ca.pem")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method")
    assert "GET" in answer.headers["allow"]


def test_refusals_tell_nothing(server, stranger, certificate_request):
    """Unknown, wrong secret, malformed, revoked, used, for another name, with a broken proof: one answer, one time."""
    key = ec.generate_private_key(ec.SECP256R1())
    revoked = server.mint("no1")
    server.fleet.tokens.revoke(revoked.token.split(".")[0], by="test")
    used = server.mint("no2")
    server.enrol("no2", token=used.token)
    good = server.mint("no3")
    csr = certificate_request(key, "no3")
    attempts = [
        {"token": f"{'0' * 16}.{'A' * 43}", "csr": csr},
        {"token": f"{good.token.split('.')[0]}.{'A' * 43}", "csr": csr},
        {"token": "nonsense", "csr": csr},
        {"token": revoked.token, "csr": certificate_request(key, "no1")},
        {"token": used.token, "csr": certificate_request(key, "no2")},
        {"token": good.token, "csr": csr, "name": "other"},
        {"token": good.token, "csr": csr, "environment": "other"},
        {"token": good.token, "csr": certificate_request(key, "other")},
        {"token": good.token, "csr": "no request"},
        {"token": good.token},
        {"token": good.token, "kind": "sshsig", "public_key": "x", "signature": "y"},
    ]
    said, took = set(), []
    for attempt in attempts:
        begun = time.monotonic()
        answer = stranger.post("/v1/enroll", json=attempt)
        took.append(time.monotonic() - begun)
        assert answer.status_code == 403
        headers = {name: value for name, value in answer.headers.items() if name != "date"}
        said.add((answer.text, json.dumps(headers, sort_keys=True)))
    assert len(said) == 1
    assert min(took) >= 0.25
    assert statistics.median(took) < 0.5
    assert server.enrol("no3", token=good.token).answer["name"] == "no3", "a wrong attempt uses nothing up"
    reasons = {entry.detail.get("reason") for entry in server.audited("token.exchange") if entry.outcome == "refused"}
    assert {"unknown", "wrong_secret", "malformed", "revoked", "used"} <= reasons
    logged = [line["reason"] for line in server.log if line.get("reason")]
    assert {"unknown", "revoked", "used"} <= set(logged)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {"content-type": "application/json"}, 400, "invalid-request"),
        (b"{", {"content-type": "application/json"}, 400, "invalid-request"),
        (b"[]", {"content-type": "application/json"}, 400, "invalid-request"),
        (b'{"token": 7}', {"content-type": "application/json"}, 400, "invalid-request"),
        (b'{"token": NaN}', {"content-type": "application/json"}, 400, "invalid-request"),
        (b'{"token": "x", "more": 1e999}', {"content-type": "application/json"}, 400, "invalid-request"),
        (b'{"token": "x", "more": ' + b"1" * 5000 + b"}", {"content-type": "application/json"}, 400, "invalid-request"),
        (b'{"token": "1e999 is a fine text"}', {"content-type": "application/json"}, 403, "enrolment-refused"),
        (b'{"token": "\\ud800"}', {"content-type": "application/json"}, 400, "invalid-request"),
        (b"[" * 50_000, {"content-type": "application/json"}, 400, "invalid-request"),
        (b'{"token": "x"}', {"content-type": "text/plain"}, 415, "media-type"),
        (b'{"token": "x"}', {}, 415, "media-type"),
        (b" " * 70_000, {"content-type": "application/json"}, 413, "body-too-long"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_bodies_that_are_none(stranger, body, headers, status, code):
    answer = stranger.post("/v1/enroll/identity", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_body_of_unknown_length_is_cut_off(server):
    """In chunks nothing announces the length; curl would go on sending for ever."""
    done = subprocess.run(
        [
            *("curl", "-sS", "--cacert", str(server.root), "-T", "-", "-X", "POST", "-m", "20"),
            *("-H", "content-type: application/json", "-w", "%{http_code}", "-o", "/dev/null"),
            f"https://127.0.0.1:{server.port}/v1/enroll",
        ],
        input=b"x" * 3_000_000,
        capture_output=True,
        check=False,
    )
    assert done.stdout == b"413"


def test_metrics(server, stranger, certificate_request):
    server.enrol("met1")
    stranger.post("/v1/enroll", json={"token": "nonsense"})
    text = stranger.get("/metrics").text
    assert re.search(r'^stella_agent_bootstrap_total\{environment="production",platform="[a-z]+"\} \d', text, re.M)
    assert re.search(r'^stella_agent_bootstrap_success_total\{environment="production"\} \d', text, re.M)
    assert re.search(r'^stella_agent_bootstrap_failed_total\{environment="",reason="malformed"\} \d', text, re.M)
    assert re.search(
        r'^stella_orchestrator_http_requests_total\{method="POST",route="/v1/enroll",status="200"\}', text, re.M
    )
    assert 'route="none",status="404"' in text or stranger.get("/nowhere").status_code == 404
    assert re.search(r"^stella_orchestrator_connections \d", text, re.M)
    assert "met1" not in text
    assert server.client().get("/healthz").json() == {"status": "ok", "version": __version__}


def test_the_log_holds_no_secrets(server, stranger):
    token = server.mint("sec1").token
    stranger.get(f"/v1/tokens/{token}?token={token}", headers={"authorization": f"Bearer {token}"})
    stranger.post("/v1/enroll/identity", json={"token": token})
    log = server.log_file.read_text()
    assert token.split(".")[1] not in log
    line = [line for line in server.log if line.get("path", "").startswith("/v1/tokens/")][-1]
    assert line["path"] == f"/v1/tokens/{token.split('.')[0]}.***"
    assert line["status"] == 401
