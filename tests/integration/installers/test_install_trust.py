"""What install.sh trusts, however it downloads and verifies; and half a script."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.agents.installers import install_script
from stella_ops.agents.platforms import Platform
from stella_ops.releases.signing import ReleaseKey

pytestmark = pytest.mark.integration

DOWNLOADERS = {"curl": ("curl",), "wget": ("wget",), "python": ()}
VERIFIERS = ("openssl", "ssh-keygen")


@pytest.fixture(params=DOWNLOADERS.values(), ids=DOWNLOADERS)
def downloader(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_every_pair_of_downloader_and_verifier(
    fleet: Any, host: Any, make_path: Callable[..., str], downloader: tuple[str, ...], verifier: str
) -> None:
    path = make_path("python3", verifier, *downloader)
    script = fleet.script("1.0.0")
    host.run(script, "--token", fleet.token, "--no-start", path=path)
    kind = {"openssl": ".sig", "ssh-keygen": ".sshsig"}[verifier]
    assert [p for p in fleet.server.asked if p.startswith("/packages")] == [
        "/packages/1.0.0/stella-agent.pyz",
        "/packages/1.0.0/stella-agent.pyz" + kind,
    ]
    assert (host.prefix / "current/stella-agent.pyz").read_bytes() == fleet.packages["1.0.0"]


def test_a_server_of_another_ca_is_refused(
    fleet: Any, host: Any, make_path: Callable[..., str], downloader: tuple[str, ...], tmp_path: Path
) -> None:
    """Even one that the host's own trust store knows, and even where the user's settings are careless."""
    from datetime import UTC, datetime

    from stella_ops.pki.authority import CertificateAuthority

    other = CertificateAuthority.load_or_create(tmp_path / "other", passphrase=None, clock=lambda: datetime.now(UTC))
    source = dataclasses.replace(fleet.publish("1.0.0"), ca_pem=other.root_pem, ca_pin=other.pin)
    trusted = host.folder / "tmp" / "trusted.pem"
    trusted.write_text(fleet.server.authority.root_pem)
    careless = {
        "SSL_CERT_FILE": str(trusted),
        "CURL_CA_BUNDLE": str(trusted),
        "WGETRC": str(host.folder / "tmp" / "wgetrc"),
    }
    (host.folder / ".curlrc").write_text("insecure\n")
    (host.folder / "tmp" / "wgetrc").write_text("check_certificate = off\n")
    path = make_path("python3", "openssl", *downloader)
    done = host.run(install_script(Platform.LINUX, source), "--token", fleet.token, path=path, env=careless, expect=4)
    assert "is not this fleet's: its certificate was not accepted" in done.stderr, done.stderr
    assert fleet.server.asked == []
    assert not host.prefix.exists()


def test_a_server_of_another_name_is_refused(
    fleet: Any, host: Any, make_path: Callable[..., str], downloader: tuple[str, ...]
) -> None:
    port = fleet.server.url.rpartition(":")[2]
    source = dataclasses.replace(fleet.publish("1.0.0"), orchestrator_url=f"https://127.0.0.2:{port}")
    path = make_path("python3", "openssl", *downloader)
    done = host.run(install_script(Platform.LINUX, source), "--token", fleet.token, path=path, expect=4)
    assert fleet.server.asked == [] and "is not this fleet's" in done.stderr


def test_a_download_that_fails_is_tried_again(
    fleet: Any, host: Any, make_path: Callable[..., str], downloader: tuple[str, ...]
) -> None:
    script = fleet.script("1.0.0")
    fleet.server.failing = 1
    said = host.run(
        script, "--token", fleet.token, "--no-start", path=make_path("python3", "openssl", *downloader)
    ).stderr
    assert "once more" in said
    assert (host.prefix / "current/stella-agent.pyz").exists()


def test_a_package_that_is_not_there_is_told(
    fleet: Any, host: Any, make_path: Callable[..., str], downloader: tuple[str, ...]
) -> None:
    script = fleet.script("1.0.0")
    fleet.server.files.clear()
    path = make_path("python3", "openssl", *downloader)
    done = host.run(script, "--token", fleet.token, path=path, expect=4)
    assert f"{fleet.server.url}/packages/1.0.0/stella-agent.pyz cannot be downloaded" in done.stderr
    assert not host.prefix.exists()


@pytest.mark.parametrize("how", ["flipped", "short", "long"])
def test_a_damaged_package_is_refused(fleet: Any, host: Any, how: str) -> None:
    script = fleet.script("1.0.0")
    place = "/packages/1.0.0/stella-agent.pyz"
    data = bytearray(fleet.server.files[place])
    data[len(data) // 2] ^= 1
    fleet.server.files[place] = {"flipped": bytes(data), "short": bytes(data[:-1]), "long": bytes(data) + b"x"}[how]
    done = host.run(script, "--token", fleet.token, expect=5)
    assert "not what it should be" in done.stderr and "hint:" in done.stderr
    assert not host.prefix.exists() and host.temporary() == []


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_package_of_another_key_is_refused(
    fleet: Any, host: Any, make_path: Callable[..., str], verifier: str, tmp_path: Path
) -> None:
    """The checksum fits: only the signature tells."""
    host.run(fleet.script("0.9.0"), "--token", fleet.token)
    source = fleet.publish("1.0.0")
    other = ReleaseKey.load_or_create(tmp_path / "other", None).sign(fleet.packages["1.0.0"])
    fleet.server.files["/packages/1.0.0/stella-agent.pyz.sig"] = other.der
    fleet.server.files["/packages/1.0.0/stella-agent.pyz.sshsig"] = other.sshsig.encode()
    path = make_path("python3", "curl", verifier)
    done = host.run(install_script(Platform.LINUX, source), path=path, expect=5)
    assert "signature is wrong" in done.stderr
    host.check_healthy("0.9.0")


def test_without_openssl_and_ssh_keygen_nothing_is_installed(
    fleet: Any, host: Any, make_path: Callable[..., str]
) -> None:
    done = host.run(fleet.script("1.0.0"), "--token", fleet.token, path=make_path("python3", "curl"), expect=3)
    assert "neither openssl nor ssh-keygen" in done.stderr and "install openssl" in done.stderr
    assert not host.prefix.exists()


@pytest.mark.parametrize("shell", [("dash",), ("bash",), ("busybox", "sh")], ids=["dash", "bash", "busybox"])
def test_half_a_script_does_nothing(fleet: Any, host: Any, shell: tuple[str, ...]) -> None:
    script = fleet.script("1.0.0", token=fleet.token).encode()
    end = len(script.rstrip())
    cuts = [end - back for back in range(1, 40)] + list(range(1, end, end // 40))
    for cut in cuts:
        done = subprocess.run(
            shell,
            input=script[:cut],
            cwd=host.folder,
            env=host.environment(),
            capture_output=True,
            check=False,
            timeout=20,
            **host.identity,
        )
        assert (host.files(), fleet.server.asked) == ([], []), (cut, script[cut - 40 : cut], done.stderr)
        assert b"stella-agent install:" not in done.stderr, (cut, done.stderr)


def test_the_proxy_of_the_environment_is_used(
    fleet: Any, host: Any, make_path: Callable[..., str], downloader: tuple[str, ...]
) -> None:
    """A proxy that is not there: every way to download must fail by it, and not go past it."""
    path = make_path("python3", "openssl", *downloader)
    proxy = {"https_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    host.run(fleet.script("1.0.0"), "--token", fleet.token, path=path, env=proxy, expect=4)
    assert fleet.server.asked == [] and not os.path.exists(host.prefix)
