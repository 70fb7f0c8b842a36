import os

from stella_ops.remote.lib.layout import Layout


def test_system_layout():
    layout = Layout.system()
    assert layout.package == "/opt/stella-agent/current/stella-agent.pyz"
    assert layout.config == "/etc/stella-agent/agent.json"
    assert layout.key == "/var/lib/stella-agent/identity/agent.key"
    assert layout.pidfile == "/run/stella-agent/agent.pid"
    assert layout.is_system


def test_everything_is_below_a_prefix(tmp_path):
    layout = Layout.at(str(tmp_path))
    paths = [value for name, value in vars(layout).items() if isinstance(value, str)]
    assert all(path == str(tmp_path) or path.startswith(f"{tmp_path}/") for path in paths)
    assert not layout.is_system
    assert not layout.exists()
    os.symlink("versions/1", layout.current)
    assert layout.exists()


def test_find_expands_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Layout.find("~/agent").home == str(tmp_path / "agent")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert Layout.find().home == str(tmp_path / ".stella-agent")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Layout.find().is_system
