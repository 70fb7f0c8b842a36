"""Host keys over real connections: verified always, accepted only when asked to, and written down."""

import asyncio
import base64
import hashlib
import hmac
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import HostKeyError, InventoryError

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]
NONE = "-o UserKnownHostsFile=none -o GlobalKnownHostsFile=none"


def files(path: Path) -> str:
    return f"-o UserKnownHostsFile={path} -o GlobalKnownHostsFile=none"


async def echo(pool: Any, spec: Any, helpers: Any) -> Any:
    return (await pool.session(spec).call(helpers.call("echo", value=7)))["value"]


async def test_a_known_host_is_reached(sshd: Make, pool: Make, helpers: Any) -> None:
    assert await echo(pool(), sshd().spec(), helpers) == 7


async def test_an_unknown_host_is_refused_with_fingerprint_and_hint(sshd: Make, pool: Make, helpers: Any) -> None:
    server = sshd()
    with pytest.raises(HostKeyError) as caught:
        await echo(pool(), server.spec(common_args=NONE), helpers)
    assert caught.value.message == (
        f"the host key of [{server.address}]:{server.port} is not known (ssh-ed25519 {server.fingerprint})"
    )
    assert "--accept-new-host-keys" in str(caught.value.hint)
    assert caught.value.where == "web"


@pytest.mark.parametrize("how", ["setting", "option"])
async def test_accepting_is_recorded_told_and_enough_for_next_time(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path, how: str
) -> None:
    server = sshd()
    told: list[Any] = []
    args = NONE + (" -o StrictHostKeyChecking=accept-new" if how == "option" else "")
    accepting = pool(accept_new_host_keys=how == "setting", on_accepted_key=told.append)
    assert await echo(accepting, server.spec(common_args=args), helpers) == 7
    assert (tmp_path / "project_known_hosts").read_text() == server.known_line + "\n"
    assert [(key.host, key.port, key.fingerprint) for key in told] == [
        (server.address, server.port, server.fingerprint)
    ]
    assert await echo(pool(), server.spec(common_args=NONE), helpers) == 7


async def test_a_changed_key_is_refused_even_when_new_ones_are_accepted(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    server = sshd()
    other = helpers.make_key(tmp_path / "other")
    known = tmp_path / "known"
    known.write_text(f"[{server.address}]:{server.port} {helpers.public(other)}\n")
    for accept in (False, True):
        with pytest.raises(HostKeyError, match="is not the one on record") as caught:
            await echo(pool(accept_new_host_keys=accept), server.spec(common_args=files(known)), helpers)
        assert server.fingerprint in caught.value.message
        assert f"ssh-keygen -R '[{server.address}]:{server.port}'" in str(caught.value.hint)
    assert not (tmp_path / "project_known_hosts").exists()


async def test_a_changed_key_of_another_kind_is_refused_with_its_fingerprint(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    server = sshd()
    ecdsa = helpers.make_key(tmp_path / "ecdsa", "ecdsa")
    known = tmp_path / "known"
    known.write_text(f"[{server.address}]:{server.port} {helpers.public(ecdsa)}\n")
    with pytest.raises(HostKeyError, match="is not the one on record") as caught:
        await echo(pool(accept_new_host_keys=True), server.spec(common_args=files(known)), helpers)
    assert server.fingerprint in caught.value.message


async def test_of_a_hosts_many_keys_the_known_one_is_asked_for(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    rsa = helpers.make_key(tmp_path / "rsa", "rsa")
    server = sshd(f"HostKey {rsa}", f"HostKey {helpers.make_key(tmp_path / 'ed', 'ed25519')}")
    known = tmp_path / "known"
    known.write_text(f"[{server.address}]:{server.port} {helpers.public(rsa)}\n")
    assert await echo(pool(), server.spec(common_args=files(known)), helpers) == 7


@pytest.mark.parametrize("form", ["hashed", "pattern", "without port"])
async def test_forms_of_known_hosts(sshd: Make, pool: Make, helpers: Any, tmp_path: Path, form: str) -> None:
    server = sshd()
    name = f"[{server.address}]:{server.port}"
    if form == "hashed":
        salt = b"01234567890123456789"
        digest = hmac.digest(salt, name.encode(), hashlib.sha1)
        name = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
    elif form == "pattern":
        name = f"[127.0.7.*]:{server.port}"
    else:
        name = server.address
    known = tmp_path / "known"
    known.write_text(f"broken line\n{name} {helpers.public(server.host_key)}\n")
    assert await echo(pool(), server.spec(common_args=files(known)), helpers) == 7


async def test_a_key_on_record_without_port_does_not_contradict(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    """The machine's own sshd and another one on a high port have different keys."""
    server = sshd()
    known = tmp_path / "known"
    known.write_text(f"{server.address} {helpers.public(helpers.make_key(tmp_path / 'other'))}\n")
    with pytest.raises(HostKeyError, match="is not known"):
        await echo(pool(), server.spec(common_args=files(known)), helpers)
    assert await echo(pool(accept_new_host_keys=True), server.spec(common_args=files(known)), helpers) == 7


async def test_a_revoked_key_is_refused(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    server = sshd()
    known = tmp_path / "known"
    known.write_text(f"{server.known_line}\n@revoked * {helpers.public(server.host_key)}\n")
    for accept in (False, True):
        with pytest.raises(HostKeyError, match="is revoked"):
            await echo(pool(accept_new_host_keys=accept), server.spec(common_args=files(known)), helpers)


def certified(helpers: Any, folder: Path, names: str, *more: str) -> tuple[Path, Path, Path]:
    """An authority, a host key, and the key's certificate."""
    authority, host = helpers.make_key(folder / "ca"), helpers.make_key(folder / "host")
    words = ["ssh-keygen", "-q", "-s", authority, "-I", "host", "-h", "-n", names, *more, f"{host}.pub"]
    subprocess.run(words, check=True)
    return authority, host, folder / "host-cert.pub"


async def test_a_certificate_of_a_known_authority_is_trusted(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    authority, host, certificate = certified(helpers, tmp_path, "127.0.7.1")
    server = sshd(f"HostCertificate {certificate}", host_key=host)
    known = tmp_path / "known"
    known.write_text(f"@cert-authority 127.0.7.* {helpers.public(authority)}\n")
    assert await echo(pool(), server.spec(common_args=files(known)), helpers) == 7
    assert not (tmp_path / "project_known_hosts").exists()


@pytest.mark.parametrize(
    ("names", "more", "message"),
    [
        ("elsewhere", (), "not certified by the authority on record"),
        ("127.0.7.1", ("-V", "20200101:20200102"), "not certified by the authority on record"),
    ],
)
async def test_a_certificate_for_others_or_expired_is_refused(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path, names: str, more: tuple[str, ...], message: str
) -> None:
    authority, host, certificate = certified(helpers, tmp_path, names, *more)
    server = sshd(f"HostCertificate {certificate}", host_key=host)
    known = tmp_path / "known"
    known.write_text(f"@cert-authority * {helpers.public(authority)}\n")
    with pytest.raises(HostKeyError, match=message):
        await echo(pool(accept_new_host_keys=True), server.spec(common_args=files(known)), helpers)


async def test_a_bare_key_where_a_certificate_is_due_is_refused(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    server = sshd()
    known = tmp_path / "known"
    known.write_text(f"@cert-authority * {helpers.public(helpers.make_key(tmp_path / 'ca'))}\n")
    with pytest.raises(HostKeyError, match="has no certificate") as caught:
        await echo(pool(accept_new_host_keys=True), server.spec(common_args=files(known)), helpers)
    assert server.fingerprint in caught.value.message


async def test_a_certificate_nobody_asked_for_does_no_harm(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    _, host, certificate = certified(helpers, tmp_path, "127.0.7.1")
    server = sshd(f"HostCertificate {certificate}", host_key=host)
    assert await echo(pool(accept_new_host_keys=True), server.spec(common_args=NONE), helpers) == 7
    assert (tmp_path / "project_known_hosts").read_text() == server.known_line + "\n"


async def test_a_key_alias_is_what_known_hosts_is_searched_for(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    server = sshd()
    known = tmp_path / "known"
    known.write_text(f"web-key {helpers.public(server.host_key)}\n")
    args = files(known) + " -o HostKeyAlias=web-key"
    assert await echo(pool(), server.spec(common_args=args), helpers) == 7


async def test_what_cannot_be_recorded_is_not_accepted(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    server = sshd()
    accepting = pool(accept_new_host_keys=True, project_known_hosts=tmp_path / "file" / "known_hosts")
    with pytest.raises(HostKeyError, match="cannot be recorded"):
        await echo(accepting, server.spec(common_args=NONE), helpers)


async def test_many_names_of_one_new_host_make_one_record(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    server = sshd()
    accepting = pool(accept_new_host_keys=True)
    specs = [server.spec(name=f"web{number}", common_args=NONE) for number in range(10)]
    assert await asyncio.gather(*(echo(accepting, spec, helpers) for spec in specs)) == [7] * 10
    assert (tmp_path / "project_known_hosts").read_text() == server.known_line + "\n"


async def test_what_contradicts_the_record_is_told_once_a_connection(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    server = sshd()
    told: list[Any] = []

    async def refused(key: Any) -> None:
        told.append(key)

    other = helpers.make_key(tmp_path / "other")
    at = f"[{server.address}]:{server.port}"
    for lines, reason in (
        (f"{at} {helpers.public(other)}", "changed"),
        (f"@revoked * {helpers.public(server.host_key)}", "revoked"),
        (f"@cert-authority * {helpers.public(other)}", "uncertified"),
        ("", None),
    ):
        known = tmp_path / "known"
        known.write_text(f"{lines}\n")
        with pytest.raises(HostKeyError):
            await echo(pool(on_refused_key=refused), server.spec(common_args=files(known)), helpers)
        said = [(key.host, key.place, key.reason) for key in told]
        assert said == ([("web", at, reason)] if reason else [])
        if reason == "changed":
            assert told[0].fingerprint == server.fingerprint
            assert told[0].on_record != (server.fingerprint,)
        told.clear()


async def test_a_changed_key_tells_where_the_old_one_stands(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    server = sshd()
    other = helpers.public(helpers.make_key(tmp_path / "other"))
    at = f"[{server.address}]:{server.port}"
    pinned = tmp_path / "pinned_hosts"
    pinned.write_text(f"# head\n{at} {other} pinned 2025-01-02T03:04:05Z by ops@ctl\n")
    with pytest.raises(HostKeyError) as caught:
        await echo(pool(pinned_known_hosts=pinned), server.spec(common_args=NONE), helpers)
    assert f"pinned 2025-01-02T03:04:05Z by ops@ctl, in {pinned}:2" in caught.value.message
    assert "stella-ops hostkeys approve web --replace --fingerprint" in str(caught.value.hint)
    with pytest.raises(HostKeyError) as caught:
        await echo(pool(), server.spec(common_args=NONE, host_keys=(other,)), helpers)
    assert "in the inventory (stella_host_keys)" in caught.value.message
    assert "take the old key out of stella_host_keys" in str(caught.value.hint)


async def test_keys_and_authorities_of_the_inventory(sshd: Make, pool: Make, helpers: Any, tmp_path: Path) -> None:
    server = sshd()
    spec = server.spec(common_args=NONE, host_keys=(helpers.public(server.host_key),))
    assert await echo(pool(), spec, helpers) == 7
    with pytest.raises(InventoryError, match="no public key") as caught:
        await echo(pool(), server.spec(common_args=NONE, host_keys=("nonsense",)), helpers)
    assert caught.value.where == "web"
    authority, host, certificate = certified(helpers, tmp_path, "127.0.7.2")
    server = sshd(f"HostCertificate {certificate}", host_key=host)
    spec = server.spec(common_args=NONE, host_authorities=(helpers.public(authority),))
    assert await echo(pool(), spec, helpers) == 7


async def test_a_key_of_the_inventory_is_no_key_of_the_jump_host(
    sshd: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    key = helpers.make_key(tmp_path / "key")
    jump, web = sshd(key=key), sshd(key=key)
    way = f"{NONE} -J {jump.user}@{jump.address}:{jump.port}"
    both = (helpers.public(jump.host_key), helpers.public(web.host_key))
    with pytest.raises(HostKeyError, match="jump host"):
        await echo(pool(), web.spec(common_args=way, host_keys=both), helpers)
