"""All host keys of real servers, gathered without logging in, and what they are held against."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from stella_ops.errors import UnreachableError, UsageError
from stella_ops.lab import openssh
from stella_ops.transport.base import ConnectionSpec
from stella_ops.transport.connect import Connector, SshSettings
from stella_ops.transport.host_keys import HostKeys
from stella_ops.transport.key_scan import kinds_of, scan_hosts
from stella_ops.transport.key_states import judge
from stella_ops.transport.shown_keys import HostScan

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]
NONE = "-o UserKnownHostsFile=none -o GlobalKnownHostsFile=none"
FOUR = ("ed25519", "ecdsa", "rsa")


def listed(file: Path) -> tuple[int, str]:
    """Bits and fingerprint of a key as ssh-keygen prints them."""
    said = subprocess.run(["ssh-keygen", "-lf", f"{file}.pub"], check=True, capture_output=True, text=True).stdout
    return int(said.split()[0]), said.split()[1]


def knowing(file: Path, *lines: str) -> str:
    file.write_text("".join(f"{line}\n" for line in lines))
    return f"-o UserKnownHostsFile={file} -o GlobalKnownHostsFile=none"


@pytest_asyncio.fixture
async def look() -> AsyncIterator[Callable[..., Any]]:
    """Scans hosts, with nobody's OpenSSH configuration."""
    connectors = []

    async def scan(*specs: ConnectionSpec, algorithms: tuple[str, ...] = (), at_once: int = 50) -> list[HostScan]:
        connectors.append(Connector(SshSettings(host_keys=HostKeys(), config_files=[])))
        kinds = kinds_of(algorithms)
        return await scan_hosts(connectors[-1], specs, kinds=kinds, at_once=at_once, now=lambda: datetime.now(UTC))

    yield scan
    for connector in connectors:
        await connector.close()


@pytest.fixture
def keys(tmp_path: Path, helpers: Any) -> dict[str, Path]:
    """Host keys of several kinds."""
    return {kind: helpers.make_key(tmp_path / f"host_{kind}", kind) for kind in FOUR}


def with_keys(keys: dict[str, Path], *more: str) -> list[str]:
    return [*(f"HostKey {path}" for path in keys.values()), *more]


async def test_every_key_is_shown_as_ssh_keygen_prints_it_and_nobody_logs_in(
    sshd: Make, look: Any, keys: dict[str, Path]
) -> None:
    server = sshd(*with_keys(keys))
    [found] = await look(server.spec(common_args=NONE))
    assert found.error is None
    assert {(key.bits, key.fingerprint) for key in found.keys} == {listed(path) for path in keys.values()}
    assert found.place == f"[{server.address}]:{server.port}"
    assert [key.public_key.split()[0] for key in found.keys] == ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"]
    log = server.log.read_text()
    assert "Accepted" not in log
    assert "no matching host key" not in log
    assert log.count("[preauth]") == len(keys)


async def test_chosen_kinds_are_asked_for_alone(sshd: Make, look: Any, keys: dict[str, Path]) -> None:
    server = sshd(*with_keys(keys))
    [found] = await look(server.spec(common_args=NONE), algorithms=("rsa", "ssh-ed25519"))
    assert {key.algorithm for key in found.keys} == {"ssh-rsa", "ssh-ed25519"}
    [nothing] = await look(sshd().spec(common_args=NONE), algorithms=("ecdsa",))
    assert (nothing.keys, nothing.error) == ((), None)
    with pytest.raises(UsageError, match="no kind of host key"):
        kinds_of(["dsa"])


@pytest.mark.parametrize("curve", ["384", "521"])
async def test_the_other_curves(sshd: Make, look: Any, tmp_path: Path, curve: str) -> None:
    key = tmp_path / "host"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-b", curve, "-N", "", "-f", str(key)], check=True)
    [found] = await look(sshd(host_key=key).spec(common_args=NONE))
    assert [(one.bits, one.fingerprint) for one in found.keys] == [listed(key)]


async def states(look: Any, server: Any, args: str, **more: Any) -> dict[str, str]:
    [found] = await look(server.spec(common_args=args), **more)
    return {key.shown.algorithm: key.state for key in judge(found)}


async def test_known_new_changed_and_revoked(
    sshd: Make, look: Any, keys: dict[str, Path], helpers: Any, tmp_path: Path
) -> None:
    server = sshd(*with_keys(keys))
    at = f"[{server.address}]:{server.port}"
    other = helpers.public(helpers.make_key(tmp_path / "other"))
    file = tmp_path / "known"
    assert set((await states(look, server, NONE)).values()) == {"new"}
    # One kind is known, one contradicts, one is new.
    args = knowing(file, f"{at} {helpers.public(keys['rsa'])}", f"{at} {other}")
    assert await states(look, server, args) == {
        "ssh-ed25519": "changed",
        "ecdsa-sha2-nistp256": "new",
        "ssh-rsa": "known",
    }
    # None of those on record is shown: a connection would be refused whatever it asks for.
    assert set((await states(look, server, knowing(file, f"{at} {other}"))).values()) == {"changed"}
    # What was not asked for contradicts nothing.
    assert await states(look, server, knowing(file, f"{at} {other}"), algorithms=("rsa",)) == {"ssh-rsa": "new"}
    args = knowing(file, f"@revoked * {helpers.public(keys['rsa'])}")
    assert (await states(look, server, args))["ssh-rsa"] == "revoked"
    # A key on record without its port confirms, and contradicts nothing.
    args = knowing(file, f"{server.address} {helpers.public(keys['rsa'])}", f"{server.address} {other}")
    assert await states(look, server, args) == {
        "ssh-ed25519": "new",
        "ecdsa-sha2-nistp256": "new",
        "ssh-rsa": "known",
    }


async def test_a_changed_key_tells_what_was_on_record_where_and_what_to_do(
    sshd: Make, look: Any, helpers: Any, tmp_path: Path
) -> None:
    server = sshd()
    other = helpers.make_key(tmp_path / "other")
    file = tmp_path / "known"
    at = f"[{server.address}]:{server.port}"
    args = knowing(file, "# a comment", f"{at} {helpers.public(other)} set by hand")
    [key] = judge((await look(server.spec(common_args=args)))[0])
    assert key.note == f"on record: {listed(other)[1]} in {file}:2 (set by hand)"
    assert key.expected == (listed(other)[1],)
    assert key.advice == f"ssh-keygen -R '{at}' -f {file}"


def certified(helpers: Any, folder: Path, host: Path, *words: str) -> tuple[Path, Path]:
    authority = folder / "ca"
    if not authority.exists():
        helpers.make_key(authority)
    command = ["ssh-keygen", "-q", "-s", str(authority), "-h", *words, f"{host}.pub"]
    subprocess.run(command, check=True)
    return authority, host.with_name(f"{host.name}-cert.pub")


async def test_a_certificate_is_shown_with_its_authority_names_and_validity(
    sshd: Make, look: Any, keys: dict[str, Path], helpers: Any, tmp_path: Path
) -> None:
    words = ("-I", "web of ours", "-z", "7", "-n", "127.0.7.1,web", "-V", "20200102030405Z:20990102030405Z")
    authority, certificate = certified(helpers, tmp_path, keys["ed25519"], *words)
    server = sshd(*with_keys(keys, f"HostCertificate {certificate}"))
    [found] = await look(server.spec(common_args=NONE))
    assert {(key.bits, key.fingerprint) for key in found.keys} == {listed(path) for path in keys.values()}
    shown = {key.algorithm: key.certificate for key in found.keys}
    assert shown["ssh-rsa"] is None
    about = shown["ssh-ed25519"]
    assert about is not None
    assert (about.authority, about.key_id, about.serial) == (listed(authority)[1], "web of ours", 7)
    assert about.principals == ("127.0.7.1", "web")
    assert about.valid_after == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert about.valid_before == datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (about.trusted, about.problem) == (False, "the authority is not on record for this host")
    assert {key.state for key in judge(found)} == {"new"}


@pytest.mark.parametrize(
    ("words", "state", "problem"),
    [
        (("-I", "x", "-n", "127.0.7.1"), "certified", None),
        (("-I", "x"), "certified", None),
        (("-I", "x", "-n", "elsewhere"), "new", "principal"),
        (("-I", "x", "-n", "127.0.7.1", "-V", "20200101:20200102"), "new", "expired"),
    ],
    ids=["its name", "every name", "another's name", "expired"],
)
async def test_a_certificate_is_judged_as_a_connection_judges_it(
    sshd: Make,
    look: Any,
    pool: Make,
    helpers: Any,
    tmp_path: Path,
    words: tuple[str, ...],
    state: str,
    problem: str | None,
) -> None:
    host = helpers.make_key(tmp_path / "host")
    authority, certificate = certified(helpers, tmp_path, host, *words)
    server = sshd(f"HostCertificate {certificate}", host_key=host)
    args = knowing(tmp_path / "known", f"@cert-authority 127.0.7.* {helpers.public(authority)}")
    [found] = await look(server.spec(common_args=args))
    [key] = judge(found)
    assert key.state == state
    assert key.shown.certificate is not None
    if problem is None:
        assert key.shown.certificate.problem is None
        assert (await pool().session(server.spec(common_args=args)).call(helpers.call("echo", value=7)))["value"] == 7
    else:
        assert problem in str(key.shown.certificate.problem)
        with pytest.raises(UnreachableError, match="not certified"):
            await pool().session(server.spec(common_args=args)).call(helpers.call("echo", value=7))


async def test_through_a_jump_host_whose_key_is_verified(sshd: Make, look: Any, helpers: Any, tmp_path: Path) -> None:
    key = helpers.make_key(tmp_path / "key")
    jump, web = sshd(key=key), sshd(key=key)
    way = f"-J {jump.user}@{jump.address}:{jump.port}"
    args = f"{knowing(tmp_path / 'known', jump.known_line)} {way}"
    [found] = await look(web.spec(common_args=args))
    assert [one.fingerprint for one in found.keys] == [web.fingerprint]
    assert jump.log.read_text().count("Accepted publickey") == 1
    [refused] = await look(web.spec(common_args=f"{NONE} {way}"))
    assert refused.keys == ()
    assert "jump host" in str(refused.error)


async def test_through_a_proxy_command(sshd: Make, look: Any, tmp_path: Path) -> None:
    server = sshd()
    pipe = tmp_path / "pipe.py"
    pipe.write_text("""
import os, socket, sys, threading
there = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    for data in iter(lambda: os.read(0, 9999), b""):
        there.sendall(data)
threading.Thread(target=up, daemon=True).start()
for data in iter(lambda: there.recv(9999), b""):
    os.write(1, data)
""")
    args = f"{NONE} -o 'ProxyCommand={sys.executable} {pipe} %h %p'"
    [found] = await look(server.spec(common_args=args))
    assert found.error is None
    assert [one.fingerprint for one in found.keys] == [server.fingerprint]


async def test_what_cannot_be_looked_at_is_told_and_holds_nobody_up(sshd: Make, look: Any) -> None:
    server = sshd()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        specs = [
            ConnectionSpec(name="closed", address="127.0.0.1", port=1),
            ConnectionSpec(name="silent", address="127.0.0.1", port=silent.getsockname()[1], connect_timeout=1),
            ConnectionSpec(name="nowhere", address="nowhere.invalid"),
            server.spec(common_args=NONE),
        ]
        started = time.monotonic()
        closed, silence, nowhere, good = await asyncio.wait_for(look(*specs), 30)
        assert time.monotonic() - started < 20
    assert "refuses the connection" in str(closed.error)
    assert "no answer" in str(silence.error)
    assert "does not resolve" in str(nowhere.error)
    assert [key.fingerprint for key in good.keys] == [server.fingerprint]


async def test_fifty_hosts_at_once(look: Any, tmp_path: Path, helpers: Any) -> None:
    if openssh.find_sshd() is None:
        helpers.leave_out("there is no sshd on this machine (package openssh-server)")
    folder = tmp_path / "lab"
    lab = openssh.up(folder, 50)
    try:
        specs = [
            ConnectionSpec(name=host.name, address=host.address, port=host.port, common_args=NONE, connect_timeout=30)
            for host in lab.hosts
        ]
        found = await look(*specs, at_once=25)
        assert [scan.error for scan in found] == [None] * 50
        expected = [" ".join(host.public_key.split()[:2]) for host in lab.hosts]
        assert [scan.keys[0].public_key for scan in found] == expected
        assert len(set(expected)) == 50
    finally:
        openssh.down(folder, purge=True)
