"""Becoming another user by su, doas and those that are called like sudo, over a real sshd and on this machine."""

import asyncio
import contextlib
import fcntl
import functools
import os
import pwd
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from stella_ops.errors import BecomeError
from stella_ops.transport.base import Become, ConnectionSpec
from stella_ops.transport.become import PASSWORD_WORDS
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.local import LocalSession

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]
RULES = Path("/etc/doas.conf")


def _edit(change: Callable[[str], str]) -> None:
    """doas has one file of rules; others may be at it."""
    with Path("/run/lock/stella-ops-doas").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        text = change(RULES.read_text() if RULES.exists() else "")
        if not text:
            RULES.unlink(missing_ok=True)
            return
        part = RULES.with_name("doas.conf.part")
        part.write_text(text)
        part.chmod(0o400)
        part.replace(RULES)


@pytest.fixture
def doas(helpers: Any) -> Iterator[Callable[[str], None]]:
    """Gives rules to doas; gone in the end."""
    if shutil.which("doas") is None:
        helpers.leave_out("there is no doas on this machine (package opendoas)")
    added: list[str] = []

    def add(rule: str) -> None:
        added.append(rule + "\n")
        _edit(lambda text: text + added[-1])

    yield add
    for line in added:
        _edit(lambda text, line=line: text.replace(line, "", 1))  # type: ignore[misc]


async def ended(session: LocalSession, helpers: Any) -> None:
    """Wait until the processes of a session are gone, as far as we can tell."""
    await session.close()
    await helpers.eventually(session.has_ended)


@pytest_asyncio.fixture(params=["ssh", "local"])
async def reach(
    request: pytest.FixtureRequest,
    sshd: Make,
    pool: Make,
    code: CodeLibrary,
    monkeypatch: pytest.MonkeyPatch,
    helpers: Any,
) -> AsyncIterator[Callable[[Any], Any]]:
    """A session of a login: over SSH, or on this machine with the local connection, as if we were that user."""
    if request.param == "ssh":
        yield lambda login: pool().session(sshd(user=login.name).spec())
        return
    sessions: list[LocalSession] = []

    def as_user(login: Any) -> LocalSession:
        loop, entry = asyncio.get_running_loop(), pwd.getpwnam(login.name)
        ours = functools.partial(
            loop.subprocess_exec,
            user=entry.pw_uid,
            group=entry.pw_gid,
            extra_groups=[],
            cwd=entry.pw_dir,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": entry.pw_dir, "USER": login.name},
        )
        monkeypatch.setattr(loop, "subprocess_exec", ours)
        sessions.append(LocalSession(ConnectionSpec(name="web", kind="local"), code))
        return sessions[-1]

    yield as_user
    for session in sessions:
        await ended(session, helpers)


async def become_and_look(session: Any, become: Become, helpers: Any) -> None:
    """A task sees nothing of the password, and much data goes both ways unharmed."""
    assert become.password is not None
    found = await session.call(helpers.call("whoami"), become)
    assert (found["user"], found["home"], found["in"]) == (become.user, pwd.getpwnam(become.user).pw_dir, "")
    assert become.password not in str(found)
    assert not helpers.living(become.password)
    data = "".join(map(chr, range(256))) * 4000
    assert (await session.call(helpers.call("echo", value=data), become))["value"] == data
    done = await session.raw("id -un; cat; cat /proc/self/cmdline; echo err >&2; exit 4", become)
    assert (done.status, done.stdout.split(b"\n")[0], done.stderr.strip()) == (4, become.user.encode(), b"err")
    assert become.password.encode() not in done.stdout + done.stderr
    await session.close()


async def refused(session: Any, become: Become, helpers: Any) -> BecomeError:
    """The error of a module over SSH, and of a bare command on this machine: both are the same."""
    call = functools.partial(session.call, helpers.call("echo"))
    if isinstance(session, LocalSession):
        call = functools.partial(session.raw, "id")
    with pytest.raises(BecomeError, match=f"cannot become {become.user}") as caught:
        await call(become)
    assert str(become.password) not in str(caught.value)
    assert (await session.call(helpers.call("echo", value=1)))["value"] == 1
    await session.close()
    return caught.value


# -- su


async def test_su_with_a_password(reach: Make, account: Make, helpers: Any) -> None:
    login, other = account(), account()
    become = Become(user=other.name, method="su", password=other.password)
    await become_and_look(reach(login), become, helpers)


async def test_su_with_a_wrong_password(reach: Make, account: Make, helpers: Any) -> None:
    login, other = account(), account()
    error = await refused(reach(login), Become(user=other.name, method="su", password="wr0ng"), helpers)
    assert "Authentication failure" in error.message
    assert "check the become password" in str(error.hint)


async def test_su_without_a_password(reach: Make, account: Make, helpers: Any) -> None:
    login, other = account(), account()
    error = await refused(reach(login), Become(user=other.name, method="su"), helpers)
    assert "a password is required" in error.message
    assert "-K" in str(error.hint)


async def test_su_from_root_and_to_a_user_without_a_shell(local_session: Any, account: Make, helpers: Any) -> None:
    """Nobody asks root, with a password or without; flags choose another shell."""
    other = account(shell="/usr/sbin/nologin")
    for password in (None, "none is asked for"):
        flagged = Become(user=other.name, method="su", password=password, flags=("-s", "/bin/sh"))
        assert (await local_session.call(helpers.call("whoami"), flagged))["user"] == other.name
        assert (await local_session.raw("id -un", flagged)).stdout.decode().strip() == other.name
    with pytest.raises(BecomeError, match="currently not available") as caught:
        await local_session.call(helpers.call("whoami"), Become(user=other.name, method="su"))
    assert "become_flags: -s /bin/sh" in str(caught.value.hint)
    with pytest.raises(BecomeError, match="does not exist") as caught:
        await local_session.call(helpers.call("whoami"), Become(user="nobody-like-that", method="su"))
    assert "become_user" in str(caught.value.hint)


@pytest.mark.parametrize("shell", ["bash", "tcsh", "fish", "zsh"])
async def test_su_to_users_of_other_shells(local_session: Any, account: Make, helpers: Any, shell: str) -> None:
    path = shutil.which(shell)
    if path is None:
        helpers.leave_out(f"there is no {shell} on this machine")
    other = account(shell=path)
    found = await local_session.call(helpers.call("whoami"), Become(user=other.name, method="su", flags=("-",)))
    assert (found["user"], found["cwd"]) == (other.name, str(other.home))


@pytest.mark.parametrize("stream", ["", ">&2"])
@pytest.mark.parametrize("asked", [*PASSWORD_WORDS[::8], "senha SECRETA"])
async def test_prompts_in_other_languages(
    local_session: Any, helpers: Any, tmp_path: Path, asked: str, stream: str
) -> None:
    """A program that asks as su does, on either stream."""
    program = tmp_path / "su"
    program.write_text(
        f"#!/bin/sh\nprintf '%s' '{asked.upper() if asked.isascii() else asked} : ' {stream}\nread -r given\n"
        '[ "$given" = right ] || { echo "su: Authentication failure" >&2; exit 1; }\nshift; exec /bin/sh "$@"\n'
    )
    program.chmod(0o755)
    prompts = ("Senha secreta",) if asked.startswith("senha") else ()
    right = Become(method="su", password="right", program=str(program), prompts=prompts)
    assert (await local_session.call(helpers.call("echo", value=1), right))["value"] == 1
    assert (await local_session.raw("echo x", right)).stdout.endswith(b"x\n")


# -- doas


async def test_doas_with_a_password(reach: Make, account: Make, doas: Make, helpers: Any) -> None:
    login = account()
    doas(f"permit {login.name} as root")
    await become_and_look(reach(login), Become(method="doas", password=login.password), helpers)


async def test_doas_that_does_not_ask(reach: Make, account: Make, doas: Make, helpers: Any) -> None:
    login, other = account(), account()
    doas(f"permit nopass {login.name}")
    session = reach(login)
    for password in (None, "none is asked for"):
        become = Become(user=other.name, method="doas", password=password)
        found = await session.call(helpers.call("whoami"), become)
        assert (found["user"], found["in"]) == (other.name, "")
        assert (await session.raw("id -un", become)).stdout.decode().strip() == other.name
    await session.close()


async def test_doas_with_a_wrong_password(reach: Make, account: Make, doas: Make, helpers: Any) -> None:
    login = account()
    doas(f"permit {login.name} as root")
    error = await refused(reach(login), Become(method="doas", password="wr0ng"), helpers)
    assert "failed" in error.message
    assert "check the become password" in str(error.hint)


async def test_doas_without_a_password(reach: Make, account: Make, doas: Make, helpers: Any) -> None:
    login = account()
    doas(f"permit {login.name} as root")
    error = await refused(reach(login), Become(method="doas"), helpers)
    assert "-K" in str(error.hint)


@pytest.mark.parametrize("given", [None, "right"])
async def test_no_right_to_doas(reach: Make, account: Make, doas: Make, helpers: Any, given: str | None) -> None:
    login = account()
    doas("permit nopass root")
    error = await refused(reach(login), Become(method="doas", password=given and login.password), helpers)
    assert "not permitted" in error.message
    assert "doas.conf" in str(error.hint)


async def test_a_closed_session_leaves_nothing_of_doas_behind(
    reach: Make, account: Make, doas: Make, helpers: Any, tmp_path: Path
) -> None:
    login = account()
    doas(f"permit {login.name} as root")
    session = reach(login)
    marked = login.home / "pids"
    task = asyncio.create_task(
        session.call(
            helpers.call("sleeper", mark=f"mark-{login.name}", path=str(marked)),
            Become(method="doas", password=login.password),
        )
    )
    pids = [int(pid) for pid in (await helpers.eventually(lambda: marked.exists() and marked.read_text())).split()]
    await session.close()
    with contextlib.suppress(Exception):
        await task
    await helpers.eventually(lambda: not any(map(helpers.alive, pids)))
    await helpers.eventually(lambda: not helpers.living(f"mark-{login.name}"))


# -- those that are called like sudo


async def test_sudosu(reach: Make, account: Make, helpers: Any) -> None:
    login, other = account(sudo="USER ALL=(ALL) ALL"), account()
    session = reach(login)
    await become_and_look(session, Become(user=other.name, method="sudosu", password=login.password), helpers)


async def test_dzdo_and_pfexec_and_ksu(local_session: Any, helpers: Any, tmp_path: Path) -> None:
    """Programs in their place that show how they are called, and ask as they do."""
    for name in ("dzdo", "pfexec", "ksu"):
        program = tmp_path / name
        asks = {"dzdo": "[dzdo] ", "ksu": "Kerberos password for ops@EXAMPLE.ORG: "}.get(name)
        ask = f"printf '{asks}' >&2; read -r given; echo $given >> {tmp_path / 'given'}\n" if name == "ksu" else ""
        if name == "dzdo":
            ask = f"printf '%s' \"$4\" >&2; read -r given; echo $given >> {tmp_path / 'given'}\n"
        program.write_text(
            f"#!/bin/sh\nprintf '%s ' {name} \"$@\" | cut -d' ' -f1-7 >> {tmp_path / 'called'}\n{ask}"
            'while [ "$1" != /bin/sh ]; do shift; done; exec "$@"\n'
        )
        program.chmod(0o755)
        password = None if name == "pfexec" else f"pw-{name}"
        become = Become(user="ops", method=name, program=str(program), password=password)
        assert (await local_session.call(helpers.call("echo", value=name), become))["value"] == name
    called = (tmp_path / "called").read_text().splitlines()
    assert called[0].startswith("dzdo -H -S -p [stella-ops become ")
    assert called[1].startswith("pfexec /bin/sh -c ")
    assert called[2].startswith("ksu ops -e /bin/sh -c ")
    assert (tmp_path / "given").read_text() == "pw-dzdo\npw-ksu\n"


@pytest_asyncio.fixture
async def local_session(code: CodeLibrary, helpers: Any) -> AsyncIterator[LocalSession]:
    """This machine, as who we are: root."""
    if os.geteuid() != 0:
        pytest.skip("left out: this is not root, of whom nobody asks a password")
    session = LocalSession(ConnectionSpec(name="web", kind="local"), code)
    yield session
    await ended(session, helpers)
