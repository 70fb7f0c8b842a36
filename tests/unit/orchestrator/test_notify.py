import socket

from stella_ops.orchestrator.notify import notify


def test_the_socket_gets_the_state(tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        assert notify("READY=1", {"NOTIFY_SOCKET": str(path)})
        assert listener.recv(100) == b"READY=1"


def test_an_abstract_socket():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0stella-test-notify")
        assert notify("STOPPING=1", {"NOTIFY_SOCKET": "@stella-test-notify"})
        assert listener.recv(100) == b"STOPPING=1"


def test_nobody_is_there(tmp_path):
    assert not notify("READY=1", {})
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nothing")})
    assert not notify("READY=1", {"NOTIFY_SOCKET": "relative"})
