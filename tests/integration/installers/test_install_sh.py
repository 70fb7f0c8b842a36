"""install.sh run for real, as a user without rights, into that user's home folder."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.integration

TOKEN = "0123456789abcdef." + "s" * 43
SHELLS = {"dash": ("dash",), "bash": ("bash",), "posix-bash": ("bash", "--posix"), "busybox": ("busybox", "sh")}


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
def test_a_host_is_installed_upgraded_and_removed(fleet: Any, host: Any, shell: tuple[str, ...]) -> None:
    said = host.run(fleet.script("1.0.0"), "--token-stdin", shell=shell, stdin=TOKEN + "\n").stderr
    before = host.check_healthy("1.0.0")
    assert TOKEN not in said and "s" * 43 not in said
    assert [asked["name"] for asked in fleet.server.enrolled] == ["host"]

    again = host.run(fleet.script("1.0.0"), shell=shell).stderr
    assert host.check_healthy("1.0.0")["pid"] == before["pid"], again

    host.run(fleet.script("1.1.0"), shell=shell)
    after = host.check_healthy("1.1.0")
    assert after["identity_public_key_sha256"] == before["identity_public_key_sha256"]
    assert len(fleet.server.enrolled) == 1

    host.run(fleet.script("1.1.0"), "--uninstall", shell=shell)
    assert host.files() == []
    assert "nothing to remove" in host.run(fleet.script("1.1.0"), "--uninstall", shell=shell).stderr
