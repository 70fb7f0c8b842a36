"""``ansible.cfg`` and ``ANSIBLE_*`` variables: where they are found, and what they do."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stella_ops.ansible_settings.defaults import DEFAULTS
from stella_ops.ansible_settings.others import OTHERS
from stella_ops.ansible_settings.reading import read_ansible_settings
from stella_ops.ansible_settings.table import QUIET, SETTINGS, document
from stella_ops.ansible_settings.values import by_name, default_of
from stella_ops.cli.vault_passwords import vault_environment
from stella_ops.cli.workplace import Choices, prepare
from stella_ops.errors import SettingsError
from stella_ops.vault.cipher import encrypt
from stella_ops.vault.passwords import Environment

DOCS = Path(__file__).parents[3] / "docs" / "ansible-settings.md"


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STELLA_HOME", str(tmp_path / ".stella"))
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)


def test_the_documentation_is_the_tables() -> None:
    assert DOCS.read_text(encoding="utf-8") == document()


def test_no_place_is_two_settings() -> None:
    places = [place for setting in (*SETTINGS, *OTHERS) for place in (*setting.ini, *setting.env)]
    assert len(places) == len(set(places))
    assert not QUIET & {place for setting in SETTINGS for place in (*setting.ini, *setting.env)}
    assert set(DEFAULTS) <= set(by_name())
    assert "~" in default_of("INVENTORY_IGNORE_EXTS")  # the ending of a file, and no home


def test_the_strongest_counts(hosts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def options(**given: Any) -> Any:
        return prepare(Choices(inventories=(str(hosts),), **given)).options

    assert options().forks == 50
    (tmp_path / "ansible.cfg").write_text("[defaults]\nforks = 3\nremote_user = cfg\ntimeout=4\n")
    assert (options().forks, options().remote_user, options().timeout) == (3, "cfg", 4.0)
    (tmp_path / "stella.toml").write_text("[defaults]\nforks = 50\n")
    assert (options().forks, options().remote_user) == (50, "cfg")
    monkeypatch.setenv("ANSIBLE_FORKS", "7")
    assert options().forks == 7
    assert options(forks=9).forks == 9


def test_where_the_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".ansible.cfg").write_text("[defaults]\nforks=1\n")
    assert read_ansible_settings({}, tmp_path).file == home / ".ansible.cfg"
    (tmp_path / "ansible.cfg").write_text("[defaults]\nforks=2\n")
    assert read_ansible_settings({}, tmp_path).configured["DEFAULT_FORKS"] == 2
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "ansible.cfg").write_text("[defaults]\nforks=3\n")
    named = read_ansible_settings({"ANSIBLE_CONFIG": "c"}, tmp_path)
    assert (named.configured, named.notes) == ({"DEFAULT_FORKS": 3}, ())
    tmp_path.chmod(0o777)
    found = read_ansible_settings({}, tmp_path)
    assert found.file == home / ".ansible.cfg"
    assert "everybody may write to" in found.notes[0]


def test_words_of_a_list_may_be_quoted(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\ncallbacks_enabled = \"a\", 'b', c'\n")
    found = read_ansible_settings({"ANSIBLE_CONFIG": "ansible.cfg"}, tmp_path).configured
    assert found["CALLBACKS_ENABLED"] == ["a", "b", "c'"]


def test_paths_are_the_files_own(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "ansible.cfg").write_text(
        "[defaults]\ninventory = a.ini, /b.ini\nroles_path = roles:~/r ; more\nlibrary=lib\n"
    )
    found = read_ansible_settings({"ANSIBLE_CONFIG": "c/ansible.cfg", "HOME": "/h"}, tmp_path).configured
    # a.ini is not there, so that this is a list of hosts
    assert found["DEFAULT_HOST_LIST"] == ["a.ini, /b.ini"]
    assert found["DEFAULT_ROLES_PATH"][0] == tmp_path / "c" / "roles"
    assert found["DEFAULT_MODULE_PATH"] == [tmp_path / "c" / "lib"]
    (tmp_path / "c" / "a.ini").write_text("a\n")
    found = read_ansible_settings({"ANSIBLE_CONFIG": "c/ansible.cfg"}, tmp_path).configured
    assert found["DEFAULT_HOST_LIST"] == [tmp_path / "c" / "a.ini", Path("/b.ini")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("ANSIBLE_FORKS", "many", "'many' is not a whole number"),
        ("ANSIBLE_BECOME", "perhaps", "'perhaps' is not yes or no"),
        ("ANSIBLE_TIMEOUT", "soon", "'soon' is not a number"),
        ("ANSIBLE_GATHERING", "lazy", "'lazy' is not one of implicit, explicit, smart"),
    ],
)
def test_what_a_setting_cannot_be(name: str, text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_ansible_settings({name: text}, tmp_path)
    message = caught.value.message
    assert message.startswith("Config ") and message.endswith(f" has an invalid value: {said}")
    assert caught.value.where == name


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("forks = 3\n")
    with pytest.raises(SettingsError, match="not an ini file"):
        read_ansible_settings({}, tmp_path)


def test_one_note_for_what_has_no_meaning(stella: Callable[..., Any], hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\npipelining = 1\nnocows = 1\nmystery = 2\n[galaxy]\nserver = x\n[plugin]\na = b\n"
    )
    (tmp_path / "p.yml").write_text("- hosts: a\n  gather_facts: false\n  tasks:\n    - ping:\n")
    said = stella("play", "-i", hosts, "p.yml")
    note = f"settings of {tmp_path}/ansible.cfg that have no meaning here: defaults.pipelining, defaults.mystery"
    assert said.err == f"[WARNING]: {note}\n"
    assert "no meaning" not in stella("play", "-i", hosts, "p.yml", "--output", "json").err


def test_switched_off_host_key_checking_accepts_new_keys(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_HOST_KEY_CHECKING", "False")
    monkeypatch.setenv("ANSIBLE_SSH_ARGS", "-o Compression=yes")
    options = prepare(Choices(inventories=(str(hosts),))).options
    assert options.ssh_args == {"ssh_args": "-o Compression=yes", "ssh_host_key_checking": "false"}


def test_vault_passwords_are_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert vault_environment() == Environment()
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\nvault_password_file = pw\nvault_identity_list = one@1, two@2\nvault_identity = mine\n"
        "vault_id_match = yes\n"
    )
    told = Environment(label="mine", identities=("one@1", "two@2"), password_file=str(tmp_path / "pw"), match_only=True)
    assert vault_environment() == told
    monkeypatch.setenv("ANSIBLE_VAULT_IDENTITY", "other")
    monkeypatch.setenv("ANSIBLE_ASK_VAULT_PASS", "True")
    monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "e")
    assert vault_environment() == replace(told, label="other", ask=True, encrypt_label="e")


def test_folders_of_plugins_are_set(
    tmp_path: Path, stella: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ``ansible.cfg`` names them, from its own folder: filters, tests, lookups, modules' utilities, passwords."""
    settings = tmp_path / "set"
    files = {
        "f/loud.py": "class FilterModule:\n    def filters(self):\n        return {'loud': lambda text: text + '!'}\n",
        "t/odd.py": "class TestModule:\n    def tests(self):\n        return {'my_odd': lambda n: n % 2 == 1}\n",
        "l/mine.py": "from ansible.plugins.lookup import LookupBase\n\nclass LookupModule(LookupBase):\n"
        "    def run(self, terms, variables=None, **options):\n        return terms\n",
        "u/number.py": "VALUE = 5\n",
        "m/mod.py": "from ansible.module_utils.basic import AnsibleModule\n"
        "from ansible.module_utils.number import VALUE\nAnsibleModule(argument_spec={}).exit_json(v=VALUE)\n",
        "ansible.cfg": "[defaults]\nfilter_plugins = f\ntest_plugins = t\nlookup_plugins = l\nmodule_utils = u\n"
        "library = m\nvault_password_file = pw\n",
        "pw": "sesame\n",
    }
    for name, text in files.items():
        (settings / name).parent.mkdir(parents=True, exist_ok=True)
        (settings / name).write_text(text)
    encrypted = encrypt(b"hidden: found", b"sesame", None)
    (tmp_path / "secret.yml").write_bytes(encrypted)
    (tmp_path / "p.yml").write_text(
        "- hosts: localhost\n  gather_facts: no\n  vars_files: [secret.yml]\n  tasks:\n    - mod:\n      register: r\n"
        "    - debug: msg=\"{{ hidden | loud }} {{ 3 is my_odd }} {{ lookup('mine', 'q') }} {{ r.v }}\"\n"
    )
    monkeypatch.setenv("ANSIBLE_CONFIG", str(settings))
    said = stella("play", "p.yml")
    assert '"msg": "found! True q 5"' in said.out, said


def test_connection_settings(hosts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "pw"
    secret.write_text("sesame\n")
    monkeypatch.setenv("ANSIBLE_CONNECTION_PASSWORD_FILE", str(secret))
    monkeypatch.setenv("ANSIBLE_BECOME", "yes")
    monkeypatch.setenv("ANSIBLE_BECOME_USER", "app")
    monkeypatch.setenv("ANSIBLE_SU_USER", "other")
    monkeypatch.setenv("ANSIBLE_DOAS_PROMPT_L10N", "Eins, Zwei")
    (tmp_path / "ansible.cfg").write_text(
        "[privilege_escalation]\nbecome_exe = /opt/any\nbecome_user = file\n[su_become_plugin]\npassword = pw\n"
        "executable = /opt/su\nuser = file\nflags = -m\n"
    )
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tmp_path / "ansible.cfg"))
    monkeypatch.setenv("ANSIBLE_REMOTE_PORT", "2200")
    monkeypatch.setenv("ANSIBLE_TRANSPORT", "smart")
    options = prepare(Choices(inventories=(str(hosts),), ssh_common_args="-J gate")).options
    assert (options.connection_password, options.become, options.become_user) == ("sesame", True, None)
    assert options.become_settings["sudo"] == {
        "user": "app", "exe": "/opt/any", "flags": None, "password": None, "prompts": None
    }  # fmt: skip
    assert options.become_settings["su"] == {
        "user": "other", "exe": "/opt/su", "flags": "-m", "password": "pw", "prompts": None
    }  # fmt: skip
    assert options.become_settings["doas"]["prompts"] == ["Eins", "Zwei"]
    assert (options.remote_port, options.connection, options.ssh_args) == (2200, None, {"ssh_common_args": "-J gate"})
