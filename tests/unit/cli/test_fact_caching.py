"""Facts of earlier runs: kept in files and in the store, told from those that are too old or broken."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stella_ops.store import host_facts
from stella_ops.store.database import Store
from stella_ops.vault.cipher import encrypt

SUBSET = '["!all", "!min", date_time]'
PLAY = f"- hosts: a\n  gather_subset: {SUBSET}\n  tasks:\n    - set_fact: {{kept: 1, cacheable: true}}\n"
LOOK = (
    f"- hosts: b\n  gather_facts: false\n  tasks:\n    - debug: msg=<{{{{ hostvars.a.kept | default('none') }}}}>\n"
    f"- hosts: a\n  gather_subset: {SUBSET}\n  tasks:\n    - debug: msg=[{{{{ kept | default('none') }}}}]\n"
)
GATHERED = "TASK [Gathering Facts]"


@pytest.fixture
def cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hosts: Path) -> Callable[..., Path]:
    """Chooses a cache; the folder of one that keeps files."""
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "look.yml").write_text(LOOK)

    def choose(name: str) -> Path:
        monkeypatch.setenv("ANSIBLE_GATHERING", "smart")
        monkeypatch.setenv("ANSIBLE_CACHE_PLUGIN", name)
        monkeypatch.setenv("ANSIBLE_CACHE_PLUGIN_CONNECTION", "cache")
        return tmp_path / "cache"

    return choose


def make_old(folder: Path) -> None:
    """Let the facts that are kept of the host a be of the day before yesterday."""
    file = folder / "cache" / "s1_a"
    if file.exists():
        os.utime(file, (time.time() - 172_800,) * 2)
        return
    store = Store.open(f"sqlite:///{folder / '.stella' / 'fleet.db'}")
    with store.transaction() as connection:
        host_facts.save(connection, host_facts.find(connection, ["a"]), datetime.now(UTC) - timedelta(days=2))
    store.close()


@pytest.mark.parametrize("name", ["jsonfile", "store"])
def test_facts_of_an_earlier_run(
    stella: Callable[..., Any], cached: Callable[..., Path], name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cached(name)
    assert GATHERED in stella("play", "-i", "hosts.ini", "play.yml").out
    later = stella("play", "-i", "hosts.ini", "look.yml")
    assert later.status == 0 and GATHERED not in later.out
    assert '"<1>"' in later.out and "[1]" in later.out
    # Too old, they are as good as none; what is gathered then is all there is.
    make_old(tmp_path)
    old = stella("play", "-i", "hosts.ini", "look.yml")
    assert '"<none>"' in old.out and "[none]" in old.out and GATHERED in old.out
    make_old(tmp_path)
    monkeypatch.setenv("ANSIBLE_CACHE_PLUGIN_TIMEOUT", "0")
    assert GATHERED not in stella("play", "-i", "hosts.ini", "look.yml").out
    # Flushed by whatever reads the inventory.
    assert stella("inventory", "-i", "hosts.ini", "--list", "--flush-cache").status == 0
    assert GATHERED in stella("play", "-i", "hosts.ini", "look.yml").out


def test_memory_keeps_nothing(stella: Callable[..., Any], cached: Callable[..., Path]) -> None:
    folder = cached("memory")
    stella("play", "-i", "hosts.ini", "play.yml", "--flush-cache")
    assert GATHERED in stella("play", "-i", "hosts.ini", "look.yml").out
    assert not folder.exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"__payload__": "[]"}', '{"__payload__": 1}', "\xff"])
def test_a_broken_file_is_passed_over(stella: Callable[..., Any], cached: Callable[..., Path], text: str) -> None:
    file = cached("jsonfile") / "s1_a"
    file.parent.mkdir()
    file.write_bytes(text.encode("latin-1"))
    said = stella("play", "-i", "hosts.ini", "look.yml")
    assert said.status == 0 and GATHERED in said.out
    assert said.err.count(f"the cached facts of a are passed over: {file}: it is no JSON") == 1
    assert json.loads(json.loads(file.read_text())["__payload__"])["_ansible_facts_gathered"] is True


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("redis", "the fact cache plug-in 'redis' is not supported: .*supported are memory, jsonfile, store"),
        ("community.general.yaml", "'community.general.yaml' is not supported"),
        ("jsonfile", "needs fact_caching_connection, a folder"),
    ],
)
def test_a_cache_that_cannot_be_had_keeps_no_run_from_its_work(
    stella: Callable[..., Any], cached: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> None:
    cached(name)
    monkeypatch.delenv("ANSIBLE_CACHE_PLUGIN_CONNECTION")
    said = stella("play", "-i", "hosts.ini", "play.yml")
    assert said.status == 0
    assert re.search(why, said.err)


def test_files_are_for_their_owner_and_hold_nothing_of_the_vaults(
    stella: Callable[..., Any], cached: Callable[..., Path], tmp_path: Path
) -> None:
    folder = cached("jsonfile")
    (tmp_path / "pw").write_text("cork-and-candle\n")
    sealed = encrypt(b"deep secret", b"cork-and-candle", None).decode()
    (tmp_path / "vars.yml").write_text("secret: !vault |\n" + textwrap.indent(sealed, "  "))
    (tmp_path / "play.yml").write_text(
        "- hosts: a\n  gather_facts: false\n  vars_files: vars.yml\n  tasks:\n"
        "    - set_fact: {plain: 1, hidden: [{of: 'a {{ secret }}'}], cacheable: true}\n"
        "    - debug: msg={{ ansible_facts.hidden[0].of | length }}\n"
    )
    said = stella("play", "-i", "hosts.ini", "play.yml", "--vault-password-file", "pw")
    assert said.status == 0 and "13" in said.out, said.out
    assert "the fact 'hidden' of a holds what a vault keeps secret: it is not cached" in said.err
    assert json.loads(json.loads((folder / "s1_a").read_text())["__payload__"]) == {"plain": 1}
    assert (folder / "s1_a").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in folder.iterdir()] == ["s1_a"]


def test_what_a_host_says_is_no_template_in_the_next_run_either(
    stella: Callable[..., Any], cached: Callable[..., Path], tmp_path: Path
) -> None:
    cached("jsonfile")
    (tmp_path / "play.yml").write_text(
        "- hosts: a\n  gather_facts: false\n  tasks:\n"
        '    - command: printf %s \'{% raw %}{{ lookup("pipe", "touch pwned") }}{% endraw %}\'\n      register: said\n'
        "    - set_fact: {told: '{{ said.stdout }}', cacheable: true}\n"
    )
    (tmp_path / "look.yml").write_text(
        "- hosts: a\n  gather_facts: false\n  tasks:\n    - debug: msg='{{ told }}'\n    - debug: var=ansible_facts\n"
    )
    stella("play", "-i", "hosts.ini", "play.yml")
    said = stella("play", "-i", "hosts.ini", "look.yml")
    assert said.status == 0 and '{{ lookup(\\"pipe\\", \\"touch pwned\\") }}' in said.out
    assert not (tmp_path / "pwned").exists()


def test_names_of_hosts_lead_nowhere_else(
    stella: Callable[..., Any], cached: Callable[..., Path], tmp_path: Path
) -> None:
    folder = cached("jsonfile")
    (tmp_path / "play.yml").write_text(
        "- hosts: a\n  gather_facts: false\n  tasks:\n    - set_fact: {kept: 1, cacheable: true}\n"
        "      delegate_to: /../../up\n      delegate_facts: true\n      connection: local\n"
    )
    said = stella("play", "-i", "hosts.ini", "play.yml")
    assert said.status == 0 and "the facts of '/../../up' are not cached" in said.err
    assert list(folder.iterdir()) == []
    assert not list(tmp_path.parent.glob("*up"))


def test_a_cache_that_ansible_core_and_we_share(
    stella: Callable[..., Any],
    cached: Callable[..., Path],
    peer_bin: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = cached("jsonfile")
    monkeypatch.setenv("ANSIBLE_CACHE_PLUGIN_PREFIX", "of_")
    values = "{list: [1, {x: [2.5, null, true]}], day: '{{ \"2024-02-03\" | to_datetime(\"%Y-%m-%d\") }}', text: 'ä ☃'}"
    (tmp_path / "play.yml").write_text(
        f"- hosts: a\n  gather_subset: {SUBSET}\n  tasks:\n    - set_fact: {{v: {values}, cacheable: true}}\n"
    )
    (tmp_path / "look.yml").write_text(
        f"- hosts: a\n  gather_subset: {SUBSET}\n  tasks:\n"
        "    - assert: {that: ['v.list == [1, {\"x\": [2.5, none, true]}]', 'v.day.year == 2024',"
        " 'v.text == \"ä ☃\"']}\n"
    )

    def peer(playbook: str) -> str:
        done = subprocess.run(
            [str(peer_bin / "ansible-playbook"), "-i", "hosts.ini", playbook],
            cwd=tmp_path,
            env={**os.environ, "LC_ALL": "C.UTF-8", "ANSIBLE_PYTHON_INTERPRETER": sys.executable},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert GATHERED in peer("play.yml")
    said = stella("play", "-i", "hosts.ini", "look.yml")
    assert (said.status, GATHERED in said.out) == (0, False), said
    (folder / "of_s1_a").unlink()
    assert GATHERED in stella("play", "-i", "hosts.ini", "play.yml").out
    assert GATHERED not in peer("look.yml")
