import runpy
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

# A name that no resolver may know (RFC 6761); one without network does not know it either.
UNKNOWN = "orchestrator.invalid"


@pytest.fixture
def look(host, check):
    return lambda **args: check("dns_resolution", prefix=host.prefix, **{"dns_timeout": 3, **args})


def test_nothing_to_resolve(host, look):
    for url in (None, "https://192.0.2.7:8443", "https://[2001:db8::7]:8443"):
        host.configure(orchestrator_url=url)
        result = look()
        assert result["status"] == "healthy", result
        assert result["message"].startswith("No name is needed by this agent's configuration")
        assert result["data"]["names"]["localhost"]["addresses"]


def test_an_air_gapped_host_that_does_not_know_itself(host, look, monkeypatch):
    host.configure()
    monkeypatch.setattr(socket, "gethostname", lambda: "db-07.invalid")
    result = look()
    assert result["status"] == "healthy"
    assert result["message"].endswith("the host's own name db-07.invalid does not")


def test_orchestrator_resolves(host, look):
    host.configure(orchestrator_url="https://localhost:8443")
    result = look()
    assert (result["status"], result["message"]) == ("healthy", "Resolved localhost")
    assert set(result["data"]["names"]["localhost"]["addresses"]) & {"127.0.0.1", "::1"}


def test_orchestrator_does_not_resolve(host, look, runbooks):
    host.configure(orchestrator_url=f"https://{UNKNOWN}:8443")
    result = look()
    assert result["status"] == "critical"
    assert result["message"] == f"DNS resolution failed for {UNKNOWN}"
    assert result["remediation_hint"] == "Check DNS settings and network connectivity"
    assert result["runbook_url"] == runbooks + "agent-dns-failure"
    assert result["data"]["names"][UNKNOWN]["error"]


def test_further_names(host, look):
    result = look(names=["localhost", UNKNOWN, "localhost"])
    assert result["message"] == f"DNS resolution failed for {UNKNOWN}"
    assert sorted(result["data"]["names"]) == ["localhost", UNKNOWN]


@pytest.mark.parametrize("name", ["a" * 64 + ".invalid", "..", "ä" * 70])
def test_names_that_cannot_be(look, name):
    assert look(names=[name])["status"] == "critical"


def test_a_resolver_that_hangs(host, look, monkeypatch):
    release = threading.Event()

    def hang(*_):
        release.wait(30)
        raise socket.gaierror("released")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    begun = time.monotonic()
    result = look(names=["one.example", "two.example"], dns_timeout=0.2)
    release.set()
    assert time.monotonic() - begun < 10
    assert result["message"] == "DNS resolution failed for one.example, two.example"
    assert result["data"]["names"]["two.example"]["error"] == "no answer within 0.2 s"


def test_resolv_conf(look, tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# nameserver 9.9.9.9\n; a comment\nnameserver 192.0.2.53\nnameserver ::1\ndomain old\n"
        "search a.example b.example\noptions ndots:2\noptions rotate\nnonsense\n\n"
    )
    data = look(resolv_conf=path)["data"]
    assert data["nameservers"] == ["192.0.2.53", "::1"]
    assert data["search"] == ["a.example", "b.example"]
    assert data["options"] == ["ndots:2", "rotate"]
    assert look(resolv_conf=tmp_path / "none")["data"]["resolv_conf_error"] == "No such file or directory"


HOST_OF = runpy.run_path(str(Path(__file__).parents[4] / "modules/doctor/dns_resolution.py"))["host_of"]


@given(st.one_of(st.text(), st.text().map("https://{}".format), st.none(), st.integers()))
def test_host_of_any_text(url):
    found = HOST_OF(url)
    assert found is None or (isinstance(found, str) and found)


def test_every_python(host, any_python, check_under):
    calls = [
        ("dns_resolution", {"prefix": host.prefix}),
        ("dns_resolution", {"prefix": host.prefix, "names": [UNKNOWN], "dns_timeout": 3}),
    ]
    assert [r["status"] for r in check_under(any_python, calls)] == ["healthy", "critical"]
