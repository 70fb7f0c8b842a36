"""Jump hosts and proxy commands: every host key on the way is verified, and connections are shared."""

import asyncio
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import HostKeyError, InventoryError, UnreachableError

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]


async def echo(pool: Any, spec: Any, helpers: Any) -> Any:
    return (await pool.session(spec).call(helpers.call("echo", value=7)))["value"]


def hop(server: Any) -> str:
    return f"{server.user}@{server.address}:{server.port}"


def logins(server: Any) -> int:
    return server.log.read_text().count("Accepted publickey")


@pytest.fixture
def pair(sshd: Make, tmp_path: Path, helpers: Any) -> tuple[Any, Any]:
    """A jump host and a host behind it that take the same key."""
    key = helpers.make_key(tmp_path / "key")
    return sshd(key=key), sshd(key=key)


@pytest.mark.parametrize("form", ["-J {}", "-o ProxyJump={}", "-o 'ProxyJump {}'", "-J ssh://{}"])
async def test_a_jump_host_by_options(pair: Any, pool: Make, helpers: Any, form: str) -> None:
    jump, web = pair
    args = f"{web.known_hosts(jump)} {form.format(hop(jump))}"
    assert await echo(pool(), web.spec(common_args=args), helpers) == 7
    assert logins(jump) == 1


async def test_an_unknown_jump_host_is_refused(pair: Any, pool: Make, helpers: Any) -> None:
    jump, web = pair
    with pytest.raises(HostKeyError) as caught:
        await echo(pool(), web.spec(common_args=f"{web.known_hosts()} -J {hop(jump)}"), helpers)
    assert caught.value.message.startswith(f"jump host {jump.address}: the host key of [{jump.address}]:{jump.port}")
    assert jump.fingerprint in caught.value.message
    assert caught.value.where == "web"
    assert logins(jump) == 0


async def test_a_jump_host_with_a_changed_key_is_refused(pair: Any, pool: Make, helpers: Any, tmp_path: Path) -> None:
    jump, web = pair
    known = tmp_path / "known"
    other = helpers.public(helpers.make_key(tmp_path / "other"))
    known.write_text(f"{web.known_line}\n[{jump.address}]:{jump.port} {other}\n")
    args = f"-o UserKnownHostsFile={known} -o GlobalKnownHostsFile=none -J {hop(jump)}"
    with pytest.raises(HostKeyError, match=r"jump host .*not the one on record"):
        await echo(pool(accept_new_host_keys=True), web.spec(common_args=args), helpers)


async def test_the_host_behind_is_verified_too(pair: Any, pool: Make, helpers: Any) -> None:
    jump, web = pair
    with pytest.raises(HostKeyError, match=r"^web: the host key of .* is not known"):
        await echo(pool(), web.spec(common_args=f"{jump.known_hosts()} -J {hop(jump)}"), helpers)


async def test_the_jump_host_cannot_pose_as_the_host_behind(
    pair: Any, sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    """The address that a tunnelled connection seems to come from is the jump host's: it vouches for nothing."""
    jump, _ = pair
    impostor = sshd(host_key=jump.host_key, key=jump.key)
    known = tmp_path / "known"
    jump_key = helpers.public(jump.host_key)
    known.write_text(f"{jump.known_line}\n{jump.address} {jump_key}\n[{jump.address}]:{impostor.port} {jump_key}\n")
    args = f"-o UserKnownHostsFile={known} -o GlobalKnownHostsFile=none -J {hop(jump)}"
    with pytest.raises(HostKeyError, match="is not known"):
        await echo(pool(), impostor.spec(common_args=args), helpers)


async def test_new_jump_hosts_are_accepted_and_recorded_only_when_asked_to(
    pair: Any, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    jump, web = pair
    args = f"-o UserKnownHostsFile=none -o GlobalKnownHostsFile=none -J {hop(jump)}"
    assert await echo(pool(accept_new_host_keys=True), web.spec(common_args=args), helpers) == 7
    recorded = (tmp_path / "project_known_hosts").read_text().splitlines()
    assert sorted(recorded) == sorted([jump.known_line, web.known_line])
    assert await echo(pool(), web.spec(common_args=args), helpers) == 7


async def test_many_jumps_in_a_row(pair: Any, sshd: Make, pool: Make, helpers: Any) -> None:
    first, second = pair
    web = sshd(key=first.key)
    args = f"{web.known_hosts(first, second)} -J {hop(first)},{hop(second)}"
    assert await echo(pool(), web.spec(common_args=args), helpers) == 7
    assert f"from {second.address}" not in web.log.read_text()
    assert (logins(first), logins(second), logins(web)) == (1, 1, 1)
    unknown = f"{web.known_hosts(first)} -J {hop(first)},{hop(second)}"
    with pytest.raises(HostKeyError, match=f"jump host {second.address}: .*is not known"):
        await echo(pool(), web.spec(common_args=unknown), helpers)


async def test_hosts_behind_share_one_connection_to_the_jump_host(
    pair: Any, sshd: Make, pool: Make, helpers: Any
) -> None:
    jump, _ = pair
    hosts = [sshd(key=jump.key) for _ in range(4)]
    args = f"{jump.known_hosts(*hosts)} -J {hop(jump)}"
    made = pool()
    specs = [one.spec(name=f"web{n}", common_args=args) for n, one in enumerate(hosts)]
    assert await asyncio.gather(*(echo(made, spec, helpers) for spec in specs)) == [7] * 4
    assert logins(jump) == 1
    await made.close()
    await helpers.eventually(lambda: not jump.sessions())


async def test_a_dead_jump_host_is_told_once_to_each_and_not_waited_for_by_each(
    pair: Any, pool: Make, helpers: Any
) -> None:
    jump, web = pair
    args = f"{web.known_hosts(jump)} -J {hop(jump)}"
    jump.stop()
    made = pool()
    specs = [web.spec(name=f"web{n}", common_args=args) for n in range(5)]
    errors = await asyncio.gather(*(echo(made, spec, helpers) for spec in specs), return_exceptions=True)
    for number, error in enumerate(errors):
        assert isinstance(error, UnreachableError)
        assert error.where == f"web{number}"
        assert error.message == f"jump host {jump.address}: {jump.address}:{jump.port} refuses the connection"


async def test_a_jump_host_that_went_away_is_connected_to_anew(pair: Any, pool: Make, helpers: Any) -> None:
    jump, web = pair
    args = f"{web.known_hosts(jump)} -J {hop(jump)}"
    made, spec = pool(), web.spec(common_args=args)
    assert await echo(made, spec, helpers) == 7
    import os
    import signal

    for session in jump.sessions():
        os.kill(session, signal.SIGKILL)
    await helpers.eventually(lambda: not jump.sessions())
    await made.drop(spec)
    assert await echo(made, spec, helpers) == 7
    assert logins(jump) == 2


async def test_what_the_jump_host_cannot_reach_is_told(pair: Any, pool: Make, helpers: Any) -> None:
    jump, web = pair
    args = f"{web.known_hosts(jump)} -J {hop(jump)}"
    web.stop()
    with pytest.raises(UnreachableError, match=f"the jump host cannot reach {web.address}:{web.port}"):
        await echo(pool(), web.spec(common_args=args), helpers)


async def test_a_jump_host_that_forbids_forwarding_is_told(sshd: Make, pool: Make, helpers: Any) -> None:
    jump = sshd("AllowTcpForwarding no")
    web = sshd(key=jump.key)
    with pytest.raises(UnreachableError, match="the jump host cannot reach") as caught:
        await echo(pool(), web.spec(common_args=f"{web.known_hosts(jump)} -J {hop(jump)}"), helpers)
    assert "AllowTcpForwarding" in str(caught.value.hint)


def configuration(folder: Path, jump: Any, web: Any, extra: str = "") -> Path:
    known = folder / "known_both"
    known.write_text(f"{jump.known_line}\n{web.known_line}\n")
    path = folder / "config"
    path.write_text(
        f"{extra}\n"
        f"Host bastion\n  HostName {jump.address}\n  Port {jump.port}\n  User {jump.user}\n"
        f"  IdentityFile {jump.key}\n  UserKnownHostsFile {known}\n"
        f"Host web\n  HostName {web.address}\n  Port {web.port}\n  User {web.user}\n"
        f"  IdentityFile {web.key}\n  UserKnownHostsFile {known}\n  ProxyJump bastion\n"
    )
    return path


async def test_everything_from_the_configuration(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    """HostName, User, Port, IdentityFile, ProxyJump, UserKnownHostsFile; and each host has a key of its own."""
    from stella_ops.transport.base import ConnectionSpec

    jump, web = sshd(), sshd()
    config = configuration(tmp_path, jump, web)
    assert await echo(pool(config_files=[config]), ConnectionSpec(name="web"), helpers) == 7
    assert await echo(pool(), ConnectionSpec(name="web", common_args=f"-F {config}"), helpers) == 7
    assert logins(jump) == 2


async def test_the_configurations_jump_host_is_verified(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    from stella_ops.transport.base import ConnectionSpec

    jump, web = sshd(), sshd()
    config = configuration(tmp_path, jump, web)
    (tmp_path / "known_both").write_text(f"{web.known_line}\n")
    with pytest.raises(HostKeyError, match=r"jump host bastion: .*is not known"):
        await echo(pool(config_files=[config]), ConnectionSpec(name="web"), helpers)


async def test_a_jump_host_for_every_host_is_none_for_itself(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    from stella_ops.transport.base import ConnectionSpec

    jump, web = sshd(), sshd()
    config = configuration(tmp_path, jump, web, "Host *\n  ProxyJump bastion\n")
    made = pool(config_files=[config])
    assert await echo(made, ConnectionSpec(name="bastion"), helpers) == 7
    assert await echo(made, ConnectionSpec(name="web"), helpers) == 7


async def test_jump_hosts_in_a_circle_are_an_error(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    from stella_ops.transport.base import ConnectionSpec

    config = tmp_path / "config"
    config.write_text("Host a\n  HostName 127.0.7.9\n  ProxyJump b\nHost b\n  HostName 127.0.7.8\n  ProxyJump a\n")
    async with asyncio.timeout(20):
        with pytest.raises(InventoryError, match="circle"):
            await echo(pool(config_files=[config]), ConnectionSpec(name="a"), helpers)


PROXY = (
    "import os, select, socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
    "sys.stderr.write('proxy says hello\\n'); sys.stderr.flush()\n"
    "while True:\n"
    "    ready = select.select([0, s], [], [])[0]\n"
    "    data = s.recv(65536) if s in ready else os.read(0, 65536)\n"
    "    if not data: break\n"
    "    os.write(1, data) if s in ready else s.sendall(data)\n"
)


async def test_a_proxy_command(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    """Its tokens are expanded, a shell runs it, and what it says on standard error stays out of the connection."""
    web = sshd()
    (tmp_path / "proxy.py").write_text(PROXY)
    command = f"X=1; {sys.executable} {tmp_path}/proxy.py %h %p # 100%% shell".replace("X=1; ", "env X=1 ")
    args = f"{web.known_hosts()} -o {shlex.quote('ProxyCommand=' + command)}"
    made = pool()
    assert await echo(made, web.spec(common_args=args), helpers) == 7
    assert helpers.living(f"{tmp_path}/proxy.py")
    await made.close()
    await helpers.eventually(lambda: not helpers.living(f"{tmp_path}/proxy.py"))


async def test_the_key_behind_a_proxy_command_is_verified(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    web = sshd()
    (tmp_path / "proxy.py").write_text(PROXY)
    command = f"ProxyCommand={sys.executable} {tmp_path}/proxy.py %h %p"
    args = f"-o UserKnownHostsFile=none -o GlobalKnownHostsFile=none -o {shlex.quote(command)}"
    with pytest.raises(HostKeyError, match="is not known") as caught:
        await echo(pool(), web.spec(common_args=args), helpers)
    assert web.fingerprint in caught.value.message


async def test_openssh_itself_as_proxy_command(pair: Any, pool: Make, helpers: Any, tmp_path: Path) -> None:
    jump, web = pair
    config = configuration(tmp_path, jump, web)
    args = f"{web.known_hosts()} -o 'ProxyCommand=ssh -F {config} -o BatchMode=yes -W [%h]:%p bastion'"
    assert await echo(pool(), web.spec(common_args=args), helpers) == 7


@pytest.mark.parametrize(
    ("command", "said"),
    [("echo no way out >&2; exit 1", "no way out"), ("/no/such/program %h", "not found"), ("exit 0", "ended")],
)
async def test_a_proxy_command_that_fails_is_told(
    sshd: Make, pool: Make, helpers: Any, command: str, said: str
) -> None:
    web = sshd()
    wrapped = shlex.quote(f"ProxyCommand=sh -c {shlex.quote(command)}")
    with pytest.raises(UnreachableError, match=r"the proxy command to .* ended: .*") as caught:
        await echo(pool(), web.spec(common_args=f"{web.known_hosts()} -o {wrapped}"), helpers)
    assert said in caught.value.message
