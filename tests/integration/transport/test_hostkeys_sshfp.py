"""SSHFP records from a real name server (Knot DNS), asked for by way of a real validating resolver (Unbound)."""

import io
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import UsageError
from stella_ops.hostkeys.sshfp import look_up

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

ZONE = """\
$ORIGIN {zone}.
@ 60 IN SOA ns hostmaster 1 60 60 60 60
@ 60 IN NS ns
ns 60 IN A 127.0.0.1
empty 60 IN A 127.0.0.1
"""
KNOT = """\
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
database:
    storage: "{folder}/db"
log:
  - target: stderr
    any: warning
policy:
  - id: lab
    algorithm: ecdsap256sha256
    single-type-signing: on
zone:
  - domain: signed.test
    file: "{folder}/signed.test.zone"
    dnssec-signing: on
    dnssec-policy: lab
  - domain: wrong.test
    file: "{folder}/wrong.test.zone"
    dnssec-signing: on
    dnssec-policy: lab
  - domain: plain.test
    file: "{folder}/plain.test.zone"
"""
UNBOUND = """\
server:
    interface: 127.0.0.1@{port}
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: "{folder}/unbound.pid"
    use-syslog: no
    do-daemonize: no
    do-not-query-localhost: no
    module-config: "validator iterator"
    local-zone: "test." nodefault
    domain-insecure: "plain.test"
    trust-anchor: "{signed}"
    trust-anchor: "wrong.test. DS 4711 13 2 {nonsense}"
{stubs}
remote-control:
    control-enable: no
"""


def free_port() -> int:
    """A port that is free for both protocols, and below those that the kernel gives to connections meanwhile."""
    while True:
        port = random.randrange(15000, 30000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket() as other:
            try:
                one.bind(("127.0.0.1", port))
                other.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def records(name: str, *keys: Path) -> str:
    """SSHFP records as OpenSSH itself prints them."""
    said = ""
    for key in keys:
        made = subprocess.run(["ssh-keygen", "-r", f"{name}.", "-f", f"{key}.pub"], check=True, capture_output=True)
        said += made.stdout.decode()
    return said


@pytest.fixture
def names(tmp_path: Path, helpers: Any) -> Iterator[Callable[[dict[str, str]], str]]:
    """Serves records by zone; gives the resolver's address."""
    pytest.importorskip("dns", reason="the extra 'dns' is not installed")
    programs = {name: shutil.which(name, path=PATH) for name in ("knotd", "keymgr", "unbound")}
    for name, path in programs.items():
        if path is None:
            helpers.leave_out(f"there is no {name} on this machine (packages knot and unbound)")
    running: list[subprocess.Popen[bytes]] = []
    folder = tmp_path / "dns"
    folder.mkdir()

    def start(more: dict[str, str]) -> str:
        knot, unbound = free_port(), free_port()
        for zone in ("signed.test", "wrong.test", "plain.test"):
            (folder / f"{zone}.zone").write_text(ZONE.format(zone=zone) + more.get(zone, ""))
        (folder / "db").mkdir()
        config = folder / "knot.conf"
        config.write_text(KNOT.format(folder=folder, port=knot))
        running.append(
            subprocess.Popen([str(programs["knotd"]), "-c", str(config)], stderr=(folder / "knot.log").open("wb"))
        )
        wait_for(knot, "signed.test", "DNSKEY", running[-1], folder / "knot.log")
        said = subprocess.run(
            [str(programs["keymgr"]), "-c", str(config), "signed.test", "ds"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        signed = next(line for line in said.splitlines() if line.split()[4] == "2")
        stubs = "".join(
            f"stub-zone:\n    name: {zone}\n    stub-addr: 127.0.0.1@{knot}\n"
            for zone in ("signed.test", "wrong.test", "plain.test")
        )
        config = folder / "unbound.conf"
        config.write_text(UNBOUND.format(folder=folder, port=unbound, signed=signed, nonsense="0" * 64, stubs=stubs))
        running.append(
            subprocess.Popen([str(programs["unbound"]), "-c", str(config)], stderr=(folder / "unbound.log").open("wb"))
        )
        wait_for(unbound, "plain.test", "SOA", running[-1], folder / "unbound.log")
        return f"127.0.0.1:{unbound}"

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(timeout=20)


def wait_for(port: int, name: str, kind: str, process: subprocess.Popen[bytes], log: Path) -> None:
    import dns.exception
    import dns.message
    import dns.query

    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, log.read_text()
        try:
            if dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", timeout=0.5, port=port).answer:
                return
        except (dns.exception.DNSException, OSError):
            pass
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


async def test_answers_and_whether_dnssec_protects_them(names: Any, tmp_path: Path, helpers: Any) -> None:
    ed, rsa, ecdsa = (helpers.make_key(tmp_path / kind, kind) for kind in ("ed25519", "rsa", "ecdsa"))
    server = names(
        {
            "signed.test": records("web.signed.test", ed, ecdsa),
            "plain.test": records("web.plain.test", ed),
            "wrong.test": records("web.wrong.test", ed),
        }
    )
    asked = ("web.signed.test", "web.plain.test", "web.wrong.test", "empty.signed.test", "no.signed.test", "127.0.0.1")
    found = await look_up(asked, server)
    key = {path: helpers.public(path) for path in (ed, rsa, ecdsa)}
    signed, plain = found["web.signed.test"], found["web.plain.test"]
    assert (signed.validated, plain.validated) == (True, False)
    assert signed.verdict("ssh-ed25519", key[ed]) == "match"
    assert signed.verdict("ecdsa-sha2-nistp256", key[ecdsa]) == "match"
    assert signed.verdict("ssh-rsa", key[rsa]) == "absent"
    assert plain.verdict("ssh-ed25519", helpers.public(helpers.make_key(tmp_path / "other"))) == "mismatch"
    assert found["web.wrong.test"].records == ()
    assert "DNSSEC" in str(found["web.wrong.test"].problem)
    assert (found["empty.signed.test"].records, found["empty.signed.test"].problem) == ((), None)
    assert found["no.signed.test"].problem == "the DNS has no such name"
    assert "address" in str(found["127.0.0.1"].problem)
    with pytest.raises(UsageError, match="no address"):
        await look_up(asked, "dns.example")


async def test_a_server_that_does_not_answer_is_told() -> None:
    pytest.importorskip("dns", reason="the extra 'dns' is not installed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        found = await look_up(["web.test"], f"127.0.0.1:{silent.getsockname()[1]}", timeout=0.5)
    assert found["web.test"].problem == "the DNS did not answer in time"


def test_keys_are_approved_by_records_that_dnssec_protects(
    sshd: Make, names: Any, helpers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = {f"web.{zone}.test": sshd() for zone in ("signed", "plain")}
    liar = hosts["liar.signed.test"] = sshd()
    other = helpers.make_key(tmp_path / "other")
    server = names(
        {
            "signed.test": records("web.signed.test", hosts["web.signed.test"].host_key)
            + records("liar.signed.test", other),
            "plain.test": records("web.plain.test", hosts["web.plain.test"].host_key),
        }
    )
    lines = [f"{name} ansible_host={one.address} ansible_port={one.port}" for name, one in hosts.items()]
    (tmp_path / "hosts.ini").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STELLA_HOME", str(tmp_path / ".stella"))

    def stella(*words: str) -> tuple[int, str]:
        from stella_ops.cli.entry import run_cli

        line = ["hostkeys", *words, "-i", "hosts.ini"]
        monkeypatch.setattr(sys, "argv", ["stella-ops", *line])
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            status = run_cli(line)
        return status, out.getvalue()

    assert stella("scan")[0] == 5
    status, said = stella("review", "--sshfp", "--dns-server", server)
    assert status == 1
    assert "SSHFP of web.signed.test matches (DNSSEC validated)" in said
    assert "SSHFP of web.plain.test matches (without DNSSEC)" in said
    assert "SSHFP of liar.signed.test says ANOTHER key (DNSSEC validated)" in said
    status, said = stella("approve", "all", "--matching", "sshfp", "--dns-server", server, "--pin", "store", "--yes")
    assert (status, "Approved 1 key of 1 host." in said) == (0, True), said
    assert "--unsigned-dns" in said
    # What the DNS contradicts is not approved along with others either.
    status, said = stella("approve", "all", "--all", "--sshfp", "--dns-server", server, "--yes")
    assert (status, "Approved 1 key of 1 host." in said) == (1, True), said
    assert f"refused: liar.signed.test 256 {liar.fingerprint}" in said
    pinned = (tmp_path / ".stella" / "pinned_hosts").read_text()
    assert hosts["web.signed.test"].known_line in pinned
    assert hosts["web.plain.test"].known_line not in pinned
