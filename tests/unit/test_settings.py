import os
import stat
from datetime import timedelta

import pytest

from stella_ops.errors import SettingsError
from stella_ops.settings import SETTINGS_FILE, Project, is_trusted, load_project, with_orchestrator


def project_at(folder, text):
    (folder / "stella.toml").write_text(text)
    return load_project(folder, environ={})


def test_without_a_file_the_start_is_the_project(tmp_path):
    project = load_project(tmp_path, environ={})
    assert project.root == tmp_path.resolve()
    assert project.file is None
    assert project.state_dir == project.root / ".stella"
    assert project.store_url == f"sqlite:///{project.root}/.stella/fleet.db"
    assert project.ca_dir == project.state_dir / "ca"
    assert project.releases_dir == project.state_dir / "releases"
    assert project.known_hosts_file == project.state_dir / "known_hosts"
    assert project.defaults.forks == 50
    assert project.tokens.ttl == timedelta(minutes=15)
    assert project.agent.environment == "default"
    assert project.agent.capabilities == ("health_check",)
    assert project.agent.heartbeat_interval == timedelta(seconds=30)


def test_the_nearest_file_above_is_found(tmp_path):
    (tmp_path / "stella.toml").write_text("")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert load_project(below, environ={}).root == tmp_path.resolve()
    (tmp_path / "a" / "stella.toml").write_text("")
    assert load_project(below, environ={}).root == (tmp_path / "a").resolve()


def test_the_current_folder_is_the_default_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_project(environ={}).root == tmp_path.resolve()


def test_stella_home_moves_the_state(tmp_path):
    project = load_project(tmp_path, environ={"STELLA_HOME": str(tmp_path / "elsewhere")})
    assert project.state_dir == tmp_path / "elsewhere"


def test_everything_can_be_set(tmp_path):
    project = project_at(
        tmp_path,
        """
        [store]
        url = "postgresql+psycopg://u:geheim@db/fleet"
        [defaults]
        inventory = ["inventory", "/etc/more"]
        forks = 7
        remote_user = "ops"
        private_key_file = "~/.ssh/id"
        timeout = 3
        [ca]
        passphrase_env = "CA_PASS"
        key_type = "ecdsa-p384"
        [tokens]
        ttl = "5m"
        max_ttl = "1h"
        max_uses = 2
        [agent]
        environment = "prod"
        capabilities = ["docker"]
        heartbeat_interval = "1m"
        """,
    )
    assert project.store_url.endswith("@db/fleet")
    assert "geheim" not in repr(project)
    assert [str(p) for p in project.defaults.inventory] == [str(project.root / "inventory"), "/etc/more"]
    assert project.defaults.forks == 7
    assert project.defaults.private_key_file.is_absolute()
    assert "~" not in str(project.defaults.private_key_file)
    assert project.defaults.timeout == timedelta(seconds=3)
    assert project.ca.key_type == "ecdsa-p384"
    assert (project.tokens.ttl, project.tokens.max_uses) == (timedelta(minutes=5), 2)
    assert project.agent.capabilities == ("docker",)


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("[defaults]\nfork = 3\n", 2, "unknown key 'fork'", "did you mean 'forks'?"),
        ("\n[default]\nforks = 3\n", 2, "unknown section 'default'", "did you mean 'defaults'?"),
        ("[tokens]\nttl = '5'\n", 2, "tokens.ttl must be a duration", None),
        ("[defaults]\n\nforks = true\n", 3, "defaults.forks must be a whole number", None),
        ("[defaults]\nforks = 0\n", 2, "defaults.forks must be", None),
        ("[agent]\nenvironment = 3\n", 2, "agent.environment must be a text", None),
        ("[agent]\ncapabilities = 'docker'\n", 2, "agent.capabilities must be a list", None),
        ("[ca]\nkey_type = 'dsa'\n", 2, "ca.key_type must be one of", None),
        ("[ca]\nkey_type = [1]\n", 2, "ca.key_type must be one of", None),
        ("[tokens]\nttl = '2h'\nmax_ttl = '1h'\n", 2, "longer than tokens.max_ttl", None),
        ("[tokens]\nttl = inf\n", 2, "tokens.ttl must be a duration", None),
        ("[tokens]\nttl = nan\n", 2, "tokens.ttl must be a duration", None),
        ("store = 3\n", 1, "'store' must be a section", "[store]"),
        ("agent.environment = 3\n", 1, "agent.environment must be a text", None),
        ("agent = { environment = 3 }\n", 1, "agent.environment must be a text", None),
        ("[ca]\npassphrase_file = 'a'\npassphrase_env = 'b'\n", 3, "exclude each other", None),
        ("[defaults]\nforks = \n", 2, "not valid TOML", None),
    ],
)
def test_mistakes_name_their_line(tmp_path, text, line, message, hint):
    with pytest.raises(SettingsError) as caught:
        project_at(tmp_path, text)
    assert message in caught.value.message
    assert caught.value.where.startswith(f"{tmp_path.resolve()}/stella.toml:{line}")
    assert hint is None or hint in caught.value.hint


def test_a_file_that_is_not_text(tmp_path):
    (tmp_path / "stella.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_project(tmp_path, environ={})


def test_a_relative_sqlite_url_is_relative_to_the_project(tmp_path):
    assert project_at(tmp_path, "[store]\nurl = 'sqlite:///f.db'\n").store_url == f"sqlite:///{tmp_path}/f.db"
    assert project_at(tmp_path, "[store]\nurl = 'sqlite:////f.db'\n").store_url == "sqlite:////f.db"
    with pytest.raises(SettingsError, match=r"store\.url must be a URL"):
        project_at(tmp_path, "[store]\nurl = 'fleet.db'\n")


def test_the_state_folder_is_private_and_kept_out_of_git(tmp_path):
    project = load_project(tmp_path, environ={"STELLA_HOME": str(tmp_path / "deep" / "state")})
    for _ in range(2):
        made = project.ensure_state_dir()
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        assert (made / ".gitignore").read_text() == "*\n"


def test_a_state_folder_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        with pytest.raises(SettingsError, match="state folder") as caught:
            Project(root=tmp_path, state_dir=tmp_path / place).ensure_state_dir()
        assert "STELLA_HOME" in caught.value.hint


def test_the_passphrase(tmp_path):
    (tmp_path / "pass").write_bytes(b"word of pass\n")
    assert project_at(tmp_path, "").ca_passphrase({}) is None
    assert project_at(tmp_path, "[ca]\npassphrase_file = 'pass'\n").ca_passphrase({}) == b"word of pass"
    by_env = project_at(tmp_path, "[ca]\npassphrase_env = 'P'\n")
    assert by_env.ca_passphrase({"P": "x"}) == b"x"
    for project, environ in [
        (by_env, {}),
        (project_at(tmp_path, "[ca]\npassphrase_file = 'absent'\n"), {}),
    ]:
        with pytest.raises(SettingsError, match="passphrase"):
            project.ca_passphrase(environ)


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o702, 0o1777])
def test_a_state_folder_that_others_may_write_to_is_refused(tmp_path, mode):
    """They could put an authority or host keys of their own there."""
    home = tmp_path / "state"
    home.mkdir()
    home.chmod(mode)
    with pytest.raises(SettingsError, match="other users may write"):
        Project(root=tmp_path, state_dir=home).ensure_state_dir()
    home.chmod(0o755)
    assert Project(root=tmp_path, state_dir=home).ensure_state_dir() == home


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_a_strangers_state_folder_is_refused(tmp_path, monkeypatch):
    home = tmp_path / "state"
    home.mkdir(mode=0o700)
    os.chown(home, 4242, 4242)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SettingsError, match="belongs to another user"):
        Project(root=tmp_path, state_dir=home).ensure_state_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_a_strangers_settings_in_a_folder_of_everybodys_are_passed_over(tmp_path):
    """As in /tmp: whoever works below would run the modules and inventory scripts of whoever left them there."""
    shared = tmp_path / "shared"
    below = shared / "work"
    below.mkdir(parents=True)
    shared.chmod(0o1777)
    left = shared / "stella.toml"
    left.write_text("")
    assert load_project(below, environ={}).file == left.resolve()
    os.chown(left, 4242, 4242)
    assert load_project(below, environ={}).file is None
    assert load_project(shared, environ={}).file is None
    assert not is_trusted(left) and not is_trusted(shared / "absent")
    shared.chmod(0o755)
    assert load_project(below, environ={}).file == left.resolve()


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMmQnv8DZ82LRT3aLmrdRrJzvqlxfZENWICdDP75zUe1"


def test_host_authorities(tmp_path):
    lines = [KEY, f"*.example.com,!old.example.com {KEY} the CA"]
    project = project_at(tmp_path, f"[ssh]\nhost_ca = {lines}\n".replace("'", '"'))
    assert project.ssh.host_ca == tuple(lines)
    assert project.pinned_hosts_file == project.state_dir / "pinned_hosts"


@pytest.mark.parametrize(
    "value", [f'"{KEY}"', '["/etc/ssh/ca.pub"]', '["*.example.com"]', f'["@cert-authority * {KEY}"]']
)
def test_what_is_no_host_authority(tmp_path, value):
    with pytest.raises(SettingsError, match=r"ssh\.host_ca must be a list of texts"):
        project_at(tmp_path, f"[ssh]\nhost_ca = {value}\n")


def test_a_command_line_goes_before_the_orchestrators_settings(tmp_path):
    (tmp_path / SETTINGS_FILE).write_text('[orchestrator]\nurl = "https://a:1"\nlisten = "127.0.0.1:1"\n')
    project = load_project(tmp_path, environ={})
    assert with_orchestrator(project).orchestrator == project.orchestrator
    changed = with_orchestrator(project, url="https://b:2/", listen="[::]:2").orchestrator
    assert (changed.url, changed.listen) == ("https://b:2", "[::]:2")
    for wrong in ({"url": "http://b"}, {"listen": "8443"}):
        with pytest.raises(SettingsError, match=f"--{next(iter(wrong))} must be"):
            with_orchestrator(project, **wrong)
