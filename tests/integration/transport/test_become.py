"""Becoming another user by sudo, with throw-away logins on a real sshd."""

from collections.abc import Callable
from typing import Any

import pytest

from stella_ops.errors import BecomeError, InterpreterError
from stella_ops.transport.base import Become

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]

NO_PASSWORD = "USER ALL=(ALL) NOPASSWD: ALL"
PASSWORD = "USER ALL=(ALL) ALL"


async def test_sudo_without_a_password(sshd: Make, account: Make, pool: Make, helpers: Any) -> None:
    login = account(sudo=NO_PASSWORD)
    session = pool().session(sshd(user=login.name).spec())
    plain = await session.call(helpers.call("whoami"))
    root = await session.call(helpers.call("whoami"), Become())
    assert (plain["user"], plain["cwd"]) == (login.name, str(login.home))
    assert (root["user"], root["home"], root["cwd"]) == ("root", "/root", "/root")
    other = account()
    there = await session.call(helpers.call("whoami"), Become(user=other.name))
    assert (there["user"], there["home"], there["cwd"]) == (other.name, str(other.home), str(other.home))
    assert (await session.hello(Become()))["uid"] == 0


@pytest.mark.parametrize("rule", [PASSWORD, NO_PASSWORD], ids=["asked for", "not asked for"])
@pytest.mark.parametrize("defaults", ["", "Defaults:USER use_pty", "Defaults:USER !use_pty"], ids=["", "pty", "no pty"])
async def test_sudo_with_a_password(
    sshd: Make, account: Make, pool: Make, helpers: Any, rule: str, defaults: str
) -> None:
    """It reaches neither a module's input, nor arguments, nor environment; asked for or not."""
    login = account(sudo=f"{defaults}\n{rule}")
    session = pool().session(sshd(user=login.name).spec())
    become = Become(password=login.password)
    found = await session.call(helpers.call("whoami"), become)
    assert found["user"] == "root"
    assert found["in"] == ""
    assert login.password not in str(found)
    assert not helpers.living(login.password)
    data = "x" * 3_000_000
    assert (await session.call(helpers.call("echo", value=data), become))["value"] == data


@pytest.mark.parametrize("defaults", ["", "Defaults:USER passwd_tries=1", "Defaults:USER use_pty"])
async def test_a_wrong_password(sshd: Make, account: Make, pool: Make, helpers: Any, defaults: str) -> None:
    login = account(sudo=f"{defaults}\n{PASSWORD}")
    session = pool().session(sshd(user=login.name).spec())
    with pytest.raises(BecomeError, match=r"cannot become root: .*(wrong|incorrect)") as caught:
        await session.call(helpers.call("echo"), Become(password="no such password"))
    assert "check the become password" in str(caught.value.hint)
    assert "no such password" not in str(caught.value)
    assert (await session.call(helpers.call("echo", value=1)))["value"] == 1


async def test_a_password_that_is_needed_and_not_given(sshd: Make, account: Make, pool: Make, helpers: Any) -> None:
    login = account(sudo=PASSWORD)
    session = pool().session(sshd(user=login.name).spec())
    with pytest.raises(BecomeError, match="a password is required") as caught:
        await session.call(helpers.call("echo"), Become())
    assert "-K" in str(caught.value.hint)


@pytest.mark.parametrize("given", [None, "right"])
async def test_no_right_to_sudo(sshd: Make, account: Make, pool: Make, helpers: Any, given: str | None) -> None:
    login = account()
    session = pool().session(sshd(user=login.name).spec())
    with pytest.raises(BecomeError, match="cannot become root") as caught:
        await session.call(helpers.call("echo"), Become(password=given and login.password))
    assert caught.value.hint
    if given:
        assert "sudoers" in str(caught.value)


async def test_no_sudo_at_all(sshd: Make, account: Make, pool: Make, helpers: Any) -> None:
    login = account()
    session = pool().session(sshd("SetEnv PATH=/nonexistent", user=login.name).spec())
    with pytest.raises(BecomeError, match="sudo: not found") as caught:
        await session.call(helpers.call("echo"), Become())
    assert "install sudo" in str(caught.value.hint)


async def test_an_unknown_user(sshd: Make, account: Make, pool: Make, helpers: Any) -> None:
    login = account(sudo=NO_PASSWORD)
    session = pool().session(sshd(user=login.name).spec())
    with pytest.raises(BecomeError, match="unknown user") as caught:
        await session.call(helpers.call("echo"), Become(user="nobody-like-that"))
    assert "become_user" in str(caught.value.hint)


async def test_no_python_for_the_other_user_is_no_fault_of_sudo(
    sshd: Make, account: Make, pool: Make, helpers: Any
) -> None:
    login = account(sudo=NO_PASSWORD)
    session = pool().session(sshd(user=login.name).spec(interpreter="/no/such/python"))
    for become in (Become(), Become(password="x")):
        with pytest.raises(InterpreterError, match="/no/such/python"):
            await session.call(helpers.call("echo"), become)


@pytest.mark.parametrize("rule", [PASSWORD, NO_PASSWORD], ids=["asked for", "not asked for"])
async def test_raw_commands_never_read_the_password(
    sshd: Make, account: Make, pool: Make, helpers: Any, rule: str
) -> None:
    login = account(sudo=rule)
    session = pool().session(sshd(user=login.name).spec())
    become = Become(password=login.password)
    done = await session.raw("id -un; cat; cat /proc/self/cmdline; exit 4", become)
    assert (done.status, done.stdout.split(b"\n")[0]) == (4, b"root")
    assert login.password.encode() not in done.stdout + done.stderr
    assert b"stella-ops become" not in done.stderr
    if rule == PASSWORD:
        with pytest.raises(BecomeError, match="password is wrong"):
            await session.raw("id", Become(password="wrong"))
