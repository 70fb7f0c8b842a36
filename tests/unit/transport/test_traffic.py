import pytest

from stella_ops.errors import UsageError
from stella_ops.transport.traffic import Endpoint, Traffic, endpoint_of, endpoint_of_listener


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://orchestrator.example.com:8443", "orchestrator.example.com", 8443),
        ("https://orchestrator.example.com", "orchestrator.example.com", 443),
        ("https://10.0.0.5:9443/", "10.0.0.5", 9443),
        ("https://[2001:db8::1]:8443", "2001:db8::1", 8443),
    ],
)
def test_an_orchestrators_url(url, host, port):
    assert endpoint_of(url) == Endpoint(host, port)


@pytest.mark.parametrize(
    "url",
    [
        "http://plain:8443",
        "https://",
        "https://host:0",
        "https://host:65536",
        "https://host:99999999999",
        "https://host:x",
        "https://user@host",
        "https://host/path",
        "https://a:b:c",
        "host:8443",
        "https://host\n",
        "",
    ],
)
def test_what_is_none(url):
    with pytest.raises(UsageError, match="is no orchestrator's URL"):
        endpoint_of(url)


@pytest.mark.parametrize(
    ("listen", "shown"),
    [
        ("0.0.0.0:8443", "127.0.0.1:8443"),
        ("[::]:8443", "[::1]:8443"),
        ("10.0.0.5:443", "10.0.0.5:443"),
        ("stella.example.com:8443", "stella.example.com:8443"),
    ],
)
def test_a_listener_as_reached_from_here(listen, shown):
    assert str(endpoint_of_listener(listen)) == shown


def test_counts():
    now = 100.0
    traffic = Traffic(clock=lambda: now)
    now = 130.0
    assert traffic.idle() == 30.0
    traffic.was_refused("nobody there")
    assert (traffic.idle(), traffic.refused, traffic.problem) == (0.0, 1, "nobody there")
    traffic.opened()
    now = 200.0
    assert (traffic.idle(), traffic.connections, traffic.accepted, traffic.problem) == (0.0, 1, 1, None)
    traffic.closed()
    now = 205.0
    assert (traffic.idle(), traffic.connections, traffic.accepted) == (5.0, 0, 1)
