"""How one gets in, and what is said when one does not."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import AuthenticationError, InventoryError, UnreachableError
from stella_ops.transport.base import ConnectionSpec

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]


async def echo(pool: Any, spec: Any, helpers: Any) -> Any:
    return (await pool.session(spec).call(helpers.call("echo", value=7)))["value"]


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """An SSH agent of our own; the value adds keys to it."""
    path = tmp_path / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))

    def add(key: Path, passphrase: str = "") -> None:
        ask = tmp_path / "ask"
        ask.write_text(f"#!/bin/sh\necho '{passphrase}'\n")
        ask.chmod(0o700)
        env = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
        subprocess.run(["ssh-add", "-q", str(key)], check=True, env=env, stdin=subprocess.DEVNULL, timeout=20)

    yield add
    process.terminate()
    process.wait()


async def test_a_key_in_the_agent(sshd: Make, pool: Make, helpers: Any, agent: Make) -> None:
    server = sshd()
    agent(server.key)
    assert await echo(pool(), server.spec(private_key_file=None), helpers) == 7


async def test_a_key_with_a_passphrase_is_used_through_the_agent(
    sshd: Make, pool: Make, helpers: Any, agent: Make, tmp_path: Path
) -> None:
    key = helpers.make_key(tmp_path / "locked", "ed25519", "open sesame")
    server = sshd(key=key)
    with pytest.raises(AuthenticationError, match="has a passphrase, and the SSH agent has no key") as caught:
        await echo(pool(), server.spec(), helpers)
    assert f"ssh-add {key}" in str(caught.value.hint)
    agent(key, "open sesame")
    assert await echo(pool(), server.spec(), helpers) == 7
    only = server.spec(common_args=server.known_hosts() + " -o IdentitiesOnly=yes")
    assert await echo(pool(), only, helpers) == 7


async def test_a_key_with_a_passphrase_and_no_agent(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    key = helpers.make_key(tmp_path / "locked", "ed25519", "open sesame")
    with pytest.raises(AuthenticationError, match="has a passphrase") as caught:
        await echo(pool(), sshd(key=key).spec(), helpers)
    assert "ssh-agent" in str(caught.value.hint)


async def test_a_named_key_comes_before_the_agents(
    sshd: Make, pool: Make, helpers: Any, agent: Make, tmp_path: Path
) -> None:
    """Each key that a host does not know counts as a failed login there."""
    server = sshd("MaxAuthTries 2", "LogLevel VERBOSE")
    for number in range(4):
        agent(helpers.make_key(tmp_path / f"other{number}"))
    assert await echo(pool(), server.spec(), helpers) == 7
    assert "Failed publickey" not in server.log.read_text()


async def test_the_agent_helps_where_the_named_key_does_not(
    sshd: Make, pool: Make, helpers: Any, agent: Make, tmp_path: Path
) -> None:
    server = sshd()
    agent(server.key)
    wrong = helpers.make_key(tmp_path / "wrong")
    assert await echo(pool(), server.spec(private_key_file=wrong), helpers) == 7
    only = server.known_hosts() + " -o IdentitiesOnly=yes"
    with pytest.raises(AuthenticationError):
        await echo(pool(), server.spec(private_key_file=wrong, common_args=only), helpers)


async def test_too_many_keys_are_told(sshd: Make, pool: Make, helpers: Any, agent: Make, tmp_path: Path) -> None:
    server = sshd("MaxAuthTries 2")
    for number in range(4):
        agent(helpers.make_key(tmp_path / f"other{number}"))
    with pytest.raises(AuthenticationError, match="refuses the login"):
        await echo(pool(), server.spec(private_key_file=None), helpers)


async def test_the_key_of_the_command_line_is_offered_where_the_inventory_names_none(
    sshd: Make, pool: Make, helpers: Any
) -> None:
    server = sshd()
    assert await echo(pool(private_keys=[server.key]), server.spec(private_key_file=None), helpers) == 7
    args = f"{server.known_hosts()} -i {server.key}"
    assert await echo(pool(), server.spec(private_key_file=None, common_args=args), helpers) == 7


async def test_a_wrong_key_is_told(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    server = sshd()
    wrong = helpers.make_key(tmp_path / "wrong")
    with pytest.raises(AuthenticationError, match=f"the host refuses the login as {server.user}") as caught:
        await echo(pool(), server.spec(private_key_file=wrong), helpers)
    assert "ansible_user" in str(caught.value.hint)


async def test_a_key_that_cannot_be_read_is_told(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    server = sshd()
    with pytest.raises(InventoryError, match="cannot read the private key"):
        await echo(pool(), server.spec(private_key_file=tmp_path / "gone"), helpers)
    (tmp_path / "text").write_text("no key")
    with pytest.raises(AuthenticationError, match="is no private key"):
        await echo(pool(), server.spec(private_key_file=tmp_path / "text"), helpers)


async def test_a_user_certificate(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    authority, key = helpers.make_key(tmp_path / "ca"), helpers.make_key(tmp_path / "mine")
    server = sshd(f"TrustedUserCAKeys {authority}.pub")
    words = ["ssh-keygen", "-q", "-s", authority, "-I", "me", "-n", server.user, f"{key}.pub"]
    subprocess.run(words, check=True)
    assert await echo(pool(), server.spec(private_key_file=key), helpers) == 7


async def test_a_password(sshd: Make, account: Make, pool: Make, helpers: Any) -> None:
    login = account()
    server = sshd("PasswordAuthentication yes", user=login.name)
    no_key = {"private_key_file": None, "common_args": server.known_hosts() + " -o PubkeyAuthentication=no"}
    assert await echo(pool(), server.spec(password=login.password, **no_key), helpers) == 7
    with pytest.raises(AuthenticationError):
        await echo(pool(), server.spec(password="wrong", **no_key), helpers)


async def test_the_password_is_not_offered_to_the_jump_host(
    sshd: Make, account: Make, pool: Make, helpers: Any
) -> None:
    login = account()
    jump = sshd("PasswordAuthentication yes", user=login.name)
    web = sshd("PasswordAuthentication yes", user=login.name)
    args = f"{web.known_hosts(jump)} -J {jump.user}@{jump.address}:{jump.port}"
    with pytest.raises(AuthenticationError, match="jump host"):
        await echo(pool(), web.spec(password=login.password, private_key_file=None, common_args=args), helpers)
    assert "Failed password" not in jump.log.read_text() and "Accepted password" not in jump.log.read_text()


# -- hosts that cannot be reached


async def test_a_refused_connection(sshd: Make, pool: Make, helpers: Any) -> None:
    server = sshd()
    server.stop()
    with pytest.raises(UnreachableError, match=f"{server.address}:{server.port} refuses the connection"):
        await echo(pool(), server.spec(), helpers)


async def test_a_name_that_does_not_resolve(pool: Make, helpers: Any) -> None:
    with pytest.raises(UnreachableError, match=r"the name 'no-such-host\.invalid' does not resolve"):
        await echo(pool(), ConnectionSpec(name="web", address="no-such-host.invalid"), helpers)


async def test_a_host_that_does_not_answer(pool: Make, helpers: Any) -> None:
    with socket.create_server(("127.0.7.200", 0)) as silent:
        port = silent.getsockname()[1]
        spec = ConnectionSpec(name="web", address="127.0.7.200", port=port, connect_timeout=0.5)
        began = time.monotonic()
        with pytest.raises(UnreachableError, match=r"no answer from 127\.0\.7\.200:\d+ within 0\.5 seconds"):
            await echo(pool(), spec, helpers)
        assert time.monotonic() - began < 5
        own = ConnectionSpec(name="web", address="127.0.7.200", port=port, common_args="-o ConnectTimeout=1")
        with pytest.raises(UnreachableError, match="within 1 seconds"):
            await echo(pool(), own, helpers)


async def test_something_that_is_no_ssh_server(pool: Make, helpers: Any) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 2000)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.7.201", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(30):
        with pytest.raises(UnreachableError):
            await echo(pool(), ConnectionSpec(name="web", address="127.0.7.201", port=port), helpers)


async def test_no_common_algorithm(sshd: Make, pool: Make, helpers: Any) -> None:
    server = sshd("Ciphers aes128-ctr")
    args = server.known_hosts() + " -o Ciphers=aes256-gcm@openssh.com"
    with pytest.raises(UnreachableError, match=r"[Ee]ncryption") as caught:
        await echo(pool(), server.spec(common_args=args), helpers)
    assert "-o Ciphers=" in str(caught.value.hint)


async def test_an_option_that_asyncssh_does_not_know(sshd: Make, pool: Make, helpers: Any) -> None:
    server = sshd()
    args = server.known_hosts() + " -o Ciphers=rot13"
    with pytest.raises(InventoryError, match="rot13"):
        await echo(pool(), server.spec(common_args=args), helpers)


async def test_an_sshd_that_turns_connections_away_is_asked_again(sshd: Make, pool: Make, helpers: Any) -> None:
    """MaxStartups: of logins under way at once the third is dropped."""
    server = sshd("MaxStartups 2:100:2")
    made = pool()
    specs = [server.spec(name=f"web{number}") for number in range(12)]
    assert await asyncio.gather(*(echo(made, spec, helpers) for spec in specs)) == [7] * 12


async def test_the_usual_max_startups_is_never_hit(sshd: Make, pool: Make, helpers: Any) -> None:
    server = sshd("MaxStartups 10:30:100", "LogLevel VERBOSE")
    made = pool()
    specs = [server.spec(name=f"web{number}") for number in range(30)]
    assert await asyncio.gather(*(echo(made, spec, helpers) for spec in specs)) == [7] * 30
    assert "MaxStartups" not in server.log.read_text()


async def test_an_sshd_that_turns_all_away_is_told(pool: Make, helpers: Any) -> None:
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(drop, "127.0.7.202", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, asyncio.timeout(60):
        with pytest.raises(UnreachableError, match="closed the connection before the login") as caught:
            await echo(pool(), ConnectionSpec(name="web", address="127.0.7.202", port=port), helpers)
    assert "MaxStartups" in str(caught.value.hint)


async def test_max_sessions_is_told(sshd: Make, pool: Make, helpers: Any) -> None:
    server = sshd("MaxSessions 1")
    session = pool().session(server.spec())
    assert (await session.call(helpers.call("echo", value=1)))["value"] == 1
    with pytest.raises(UnreachableError, match="opens no session") as caught:
        await session.raw("true")
    assert "MaxSessions" in str(caught.value.hint)
    assert (await session.call(helpers.call("echo", value=2)))["value"] == 2


async def test_one_bad_host_holds_nobody_up(sshd: Make, pool: Make, helpers: Any) -> None:
    good = sshd()
    with socket.create_server(("127.0.7.203", 0)) as silent:
        dead = ConnectionSpec(
            name="dead", address="127.0.7.203", port=silent.getsockname()[1], connect_timeout=3, user="x"
        )
        made = pool()
        began = time.monotonic()
        waiting = asyncio.create_task(echo(made, dead, helpers))
        assert await echo(made, good.spec(), helpers) == 7
        assert time.monotonic() - began < 2.5
        with pytest.raises(UnreachableError):
            await waiting
