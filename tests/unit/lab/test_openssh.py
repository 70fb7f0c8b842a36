"""Where plain OpenSSH hosts listen. That they serve is shown in tests/integration."""

import os
import resource
import socket
import sys
from collections.abc import Iterator

import pytest

from stella_ops.errors import LabError
from stella_ops.lab import openssh

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="127.0.1.1 is Linux's")


@pytest.fixture
def _few_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Other tests of this process may have left some open.
    few = len(os.listdir("/proc/self/fd")) + 64
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_addresses_go_on_after_254_hosts() -> None:
    addresses = [openssh.address_of(number) for number in range(1, 2001)]
    assert addresses[:2] == ["127.0.1.1", "127.0.1.2"]
    assert addresses[253:256] == ["127.0.1.254", "127.0.2.1", "127.0.2.2"]
    assert addresses[1999] == "127.0.8.222"
    assert len(set(addresses)) == 2000
    assert not [address for address in addresses if address.endswith((".0", ".255"))]


@pytest.mark.usefixtures("_few_files")
def test_a_port_for_more_hosts_than_files_may_be_open() -> None:
    port = openssh._free_port(600)
    with socket.create_server((openssh.address_of(600), port)):
        pass


def test_a_port_that_one_host_could_not_have_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def taken_twice(address: str, port: int) -> bool:
        asked.append(port)
        return len(asked) > 2

    monkeypatch.setattr(openssh, "_is_free", taken_twice)
    assert openssh._free_port(2) == asked[2]


@pytest.mark.parametrize("count", [0, 254 * 200 + 1])
def test_a_lab_has_at_least_one_host_and_not_too_many(count: int) -> None:
    with pytest.raises(LabError, match="hosts, not"):
        openssh._free_port(count)
