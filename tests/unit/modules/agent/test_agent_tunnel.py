"""The module behind a tunnel, under the oldest and the newest Python: whose socket it is, what is in its place.

In place of sshd a socket of the test's own listens.
"""

import json
import os
import pwd
import shutil
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from stella_ops.remote.lib.layout import Layout

ME = pwd.getpwuid(os.geteuid()).pw_name


# Every Python takes a while; the integration tests go through the whole of it with the host's own.
pytestmark = pytest.mark.parametrize("host_python", ["3.6", "3.13"], indirect=True)


@pytest.fixture
def host(host):
    """With a short prefix: the path of a socket has 107 bytes at the most."""
    folder = Path(tempfile.mkdtemp(prefix="st-"))
    folder.chmod(0o755)
    host.prefix = folder / "agent"
    host.layout = Layout.at(str(host.prefix))
    yield host
    shutil.rmtree(folder)


@pytest.fixture
def tunnel(host):
    """Calls the module as this user, for the tunnel "a" unless a test says otherwise."""

    def call(state, check=False, **more):
        args = {"state": state, "login": ME, "id": "a", "holder": "bob@desk", "orchestrator": "10.0.0.5:8443", **more}
        return host.module("agent_tunnel", check=check, **args)

    call.path = Path(host.layout.tunnel_socket)
    call.note = call.path.parent / "holder.json"
    call.layout = host.layout
    return call


@pytest.fixture
def listen(request):
    """What sshd does: a socket that somebody listens on."""

    def make(path):
        made = socket.socket(socket.AF_UNIX)
        request.addfinalizer(made.close)
        made.bind(str(path))
        made.listen(5)
        path.chmod(0o600)
        return made

    return make


def test_the_life_of_a_tunnel(tunnel, listen):
    foretold = tunnel("prepared", check=True)
    assert (foretold["failed"], foretold["changed"]) == (False, True)
    assert not os.path.exists(tunnel.layout.home), "check mode makes nothing"
    prepared = tunnel("prepared")
    assert (prepared["failed"], prepared["changed"], prepared["socket"]) == (False, True, str(tunnel.path))
    assert stat.S_IMODE(tunnel.path.parent.stat().st_mode) == 0o755
    listen(tunnel.path)
    opened = tunnel("opened")
    assert (opened["failed"], opened["user"]) == (False, ME)
    note = json.loads(tunnel.note.read_text())
    assert (note["id"], note["holder"], note["orchestrator"]) == ("a", "bob@desk", "10.0.0.5:8443")
    assert tunnel("held")["held"] is True
    closed = tunnel("closed")
    assert closed["changed"] is True
    assert not os.path.exists(tunnel.layout.home)
    assert tunnel("closed")["changed"] is False


def test_a_stale_socket_goes(tunnel, listen):
    tunnel("prepared")
    listen(tunnel.path).close()
    assert tunnel.path.is_socket()
    assert tunnel("prepared")["changed"] is True
    assert not tunnel.path.exists()


def test_another_tunnels_socket_stays(tunnel, listen):
    tunnel("prepared")
    listen(tunnel.path)
    tunnel("opened")
    for check in (False, True):
        refused = tunnel("prepared", check=check, id="b")
        assert refused["failed"] is True
        assert "bob@desk" in refused["msg"]
        assert refused["held_by"]["user"] == ME
        assert refused["held_by"]["pid"] == os.getpid()
    assert tunnel.path.is_socket()
    assert tunnel("closed", id="b")["changed"] is False
    assert tunnel.path.is_socket()
    assert tunnel("held", id="b")["replaced_by"] == "bob@desk"


def test_a_listener_without_a_note_is_another_tunnel(tunnel, listen):
    tunnel("prepared")
    listen(tunnel.path)
    assert "somebody who left no note" in tunnel("prepared", id="b")["msg"]
    assert tunnel("closed", id="b")["changed"] is False


def test_ones_own_socket_is_taken_back(tunnel, listen):
    """The host's sshd has not noticed yet that the connection is gone."""
    tunnel("prepared")
    listen(tunnel.path)
    tunnel("opened")
    assert tunnel("prepared")["failed"] is False
    assert not tunnel.path.exists()


def test_taking_over(tunnel, listen):
    tunnel("prepared")
    listen(tunnel.path)
    tunnel("opened")
    assert tunnel("prepared", id="b", replace=True)["failed"] is False
    tunnel.path.unlink(missing_ok=True)
    listen(tunnel.path)
    tunnel("opened", id="b", holder="eve@desk")
    assert tunnel("held")["replaced_by"] == "eve@desk"
    assert tunnel("held")["held"] is False


@pytest.mark.parametrize("what", ["a file", "a folder", "a link"])
def test_what_is_no_socket_stays(tunnel, tmp_path, what):
    tunnel("prepared")
    if what == "a file":
        tunnel.path.write_text("precious")
    elif what == "a folder":
        tunnel.path.mkdir()
    else:
        tunnel.path.symlink_to(tmp_path / "nowhere")
    assert "is no socket" in tunnel("prepared")["msg"]
    assert os.path.lexists(tunnel.path)
    assert tunnel("opened")["failed"] is True
    assert tunnel("held")["held"] is False


def test_a_link_in_place_of_the_folder(tunnel, tmp_path):
    os.makedirs(tunnel.layout.run)
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", tunnel.layout.tunnel)
    assert "is no folder" in tunnel("prepared")["msg"]
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_folder_that_others_may_write_to_is_made_anew(tunnel):
    os.makedirs(tunnel.layout.tunnel)
    os.chmod(tunnel.layout.tunnel, 0o777)
    before = os.stat(tunnel.layout.tunnel).st_ino
    assert tunnel("prepared")["failed"] is False
    after = os.stat(tunnel.layout.tunnel)
    assert stat.S_IMODE(after.st_mode) == 0o755
    assert before


def test_a_folder_that_others_have_filled_is_not(tunnel):
    os.makedirs(tunnel.layout.tunnel)
    os.chmod(tunnel.layout.tunnel, 0o777)
    Path(tunnel.layout.tunnel, "theirs").write_text("x")
    assert "holds files that are not the tunnel's" in tunnel("prepared")["msg"]
    assert Path(tunnel.layout.tunnel, "theirs").exists()


@pytest.mark.parametrize("note", [b"", b"[]", b"{", b"\xff", b"[" * 5000, b'{"id": ["a"], "since": {}}'])
def test_a_note_that_says_nothing(tunnel, listen, note):
    tunnel("prepared")
    listen(tunnel.path)
    tunnel.note.write_bytes(note)
    assert "another tunnel holds" in tunnel("prepared", id="b")["msg"]


def test_a_note_cannot_write_to_the_terminal(tunnel, listen):
    tunnel("prepared")
    listen(tunnel.path)
    tunnel.note.write_text(json.dumps({"id": "z", "holder": "\x1b[2Jeve", "orchestrator": 5, "since": "x"}))
    assert tunnel("prepared")["held_by"] == {
        "pid": os.getpid(),
        "user": ME,
        "holder": "[2Jeve",
        "orchestrator": None,
        "since": None,
    }


def test_a_socket_that_has_gone_is_not_held(tunnel, listen):
    tunnel("prepared")
    listen(tunnel.path)
    tunnel("opened")
    shutil.rmtree(tunnel.layout.run)
    assert tunnel("held") == {
        "socket": str(tunnel.path),
        "changed": False,
        "failed": False,
        "held": False,
        "replaced_by": None,
    }


def test_an_installed_agents_folders_stay(tunnel, listen):
    os.makedirs(tunnel.layout.run)
    Path(tunnel.layout.marker).write_text("{}")
    tunnel("prepared")
    listen(tunnel.path)
    tunnel("opened")
    tunnel("closed")
    assert os.path.isdir(tunnel.layout.run)
    assert not os.path.exists(tunnel.layout.tunnel)


def test_a_path_that_is_too_long(host):
    prefix = host.prefix / ("x" * 100)
    args = {"state": "prepared", "login": ME, "id": "a", "prefix": str(prefix)}
    result = host.module("agent_tunnel", **args)
    assert "too long for a socket" in result["msg"]
    assert not prefix.exists()


def test_a_socket_of_another_users_is_not_given_away(tunnel, listen):
    """The agent's user owns the run folder; root must not hand out what lies there because it lies there."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    other = pwd.getpwnam("nobody")
    tunnel("prepared")
    listen(tunnel.path)
    os.chown(tunnel.path, other.pw_uid, other.pw_gid)
    assert "was made by somebody else" in tunnel("opened")["msg"]
    os.chown(tunnel.path, 0, 0)
    os.link(tunnel.path, tunnel.path.with_name("second"))
    assert "is no socket of the tunnel's" in tunnel("opened")["msg"]
    tunnel.path.with_name("second").unlink()
    os.chown(tunnel.path.parent, other.pw_uid, other.pw_gid)
    assert "was made by somebody else" in tunnel("opened")["msg"]


def test_a_login_name_that_the_host_does_not_know(tunnel):
    assert tunnel("prepared", login="no-such-user-here")["failed"] is False
    assert tunnel.path.parent.is_dir()


@pytest.mark.parametrize("passable", [True, False])
def test_a_login_user_who_is_not_root(host, tunnel, passable):
    """Root finds out, in the login user's name, what sshd will be allowed."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    host.prefix.parent.chmod(0o755 if passable else 0o700)
    result = tunnel("prepared", login="nobody")
    assert tunnel.path.parent.stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert result["failed"] is not passable
    assert passable or "the login user nobody cannot reach" in result["msg"]
