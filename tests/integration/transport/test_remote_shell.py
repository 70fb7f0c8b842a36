"""rsync over a host's own connection: by itself, and by the action ``synchronize``, against a real sshd."""

import asyncio
import contextlib
import io
import shutil
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from stella_ops.transport.base import Become
from stella_ops.transport.rsh import remote_shell

pytestmark = [pytest.mark.integration, pytest.mark.openssh]
Make = Callable[..., Any]

PASSWORD = "USER ALL=(ALL) ALL"
# In the place of the collection's own module, which is not on every machine that runs this: what it is asked for, done.
MODULE = """
import shlex
from ansible.module_utils.basic import AnsibleModule
NAMES = "src dest mode rsync_path dest_port private_key _ssh_args _local_rsync_path _local_rsync_password".split()
module = AnsibleModule(dict({name: {"no_log": False} for name in NAMES}, rsync_opts={"type": "list", "default": []},
                            set_remote_user={"type": "bool", "default": True}), supports_check_mode=True)
p = module.params
words = [p["_local_rsync_path"], "-a", "--out-format=CHANGED%i %n"] + (["--dry-run"] if module.check_mode else [])
words += ["--rsync-path=" + p["rsync_path"]] if p["rsync_path"] else []
words += [word for text in p["rsync_opts"] for word in shlex.split(text)]
if not any("--rsh" in word for word in words) and ":" in p["src"] + p["dest"]:
    any_key = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    given = (p["dest_port"], p["private_key"], p["_ssh_args"] or any_key)
    words += ["--rsh=ssh -S none -p %s -i %s %s" % given]
rc, out, err = module.run_command(words + [p["src"], p["dest"]])
told = dict(cmd=words, src=p["src"], dest=p["dest"], rc=rc, msg=err or out, changed="CHANGED" in out)
(module.fail_json if rc else module.exit_json)(**told)
"""
PLAY = """
- hosts: web
  gather_facts: false
  vars: {there: "{{ home }}/tree"}
  tasks:
    - {name: pushed, ansible.posix.synchronize: {src: tree/, dest: "{{ there }}/"}, register: pushed}
    - {name: again, ansible.posix.synchronize: {src: tree/, dest: "{{ there }}/"}, register: again}
    - name: as root
      become: true
      ansible.posix.synchronize: {src: tree/a, dest: "{{ there }}/of_root"}
    - name: pulled
      ansible.posix.synchronize: {mode: pull, src: "{{ there }}/", dest: "{{ playbook_dir }}/back"}
    - name: on the host itself
      ansible.posix.synchronize: {src: "{{ there }}/", dest: "{{ home }}/second"}
      delegate_to: "{{ inventory_hostname }}"
      register: within
    - name: looked at
      ansible.posix.synchronize: {src: tree/, dest: "{{ home }}/nothing/"}
      check_mode: true
      register: looked
    - {name: from here, ansible.posix.synchronize: {src: tree/, dest: "{{ home }}/third"}, delegate_to: localhost}
    - name: by a path of rsync
      ansible.posix.synchronize: {src: tree/a, dest: "{{ home }}/fourth", rsync_path: "env SEEN=1 rsync"}
    - name: from another host
      ansible.posix.synchronize: {src: "{{ there }}/a", dest: "{{ home }}/fifth", private_key: "{{ home }}/.key"}
      delegate_to: other
      register: other
    - name: by ssh
      ansible.posix.synchronize: {src: tree/a, dest: "{{ ansible_host }}:sixth", use_ssh_args: true}
      register: by_ssh
      ignore_errors: true
    - name: no such key
      ansible.posix.synchronize: {src: tree/a, dest: "{{ home }}/", private_key: /no/such}
      register: no_key
      ignore_errors: true
    - stat: {path: "{{ item }}"}
      loop: ["{{ there }}/of_root", "{{ home }}/second/sub/b", "{{ home }}/nothing", "{{ home }}/third/a"]
      register: found
    - assert:
        that:
          - pushed is changed and again is not changed and looked is changed
          - pushed.dest == ansible_user ~ '@' ~ ansible_host ~ ':' ~ there ~ '/'
          - pushed.src == playbook_dir ~ '/files/tree/'
          - within.cmd | select('match', '--rsh') | list == [] and within.dest == home ~ '/second'
          - found.results[0].stat.pw_name == 'root' and not found.results[2].stat.exists
          - found.results[1].stat.exists and found.results[3].stat.exists
          - other is changed and other.src == there ~ '/a'
          - "'--rsh=ssh' in by_ssh.cmd | join(' ') and by_ssh is failed"
          - "no_key is failed and 'cannot read the private key /no/such' in no_key.msg"
"""


@pytest.fixture(autouse=True)
def needs_rsync(helpers: Any) -> None:
    if shutil.which("rsync") is None:
        helpers.leave_out("there is no rsync on this machine")


async def _rsync(shell: str, *words: str) -> tuple[int, str]:
    done = await asyncio.create_subprocess_exec(
        *("rsync", "-a", "--no-owner", "--no-group", f"--rsh={shell}", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await done.communicate()
    return done.returncode or 0, said.decode()


@pytest.mark.parametrize("method", ["sudo", "su"])
async def test_as_another_user_with_a_password(
    sshd: Make, account: Make, pool: Make, helpers: Any, tmp_path: Path, method: str
) -> None:
    """Both ways, byte for byte; nothing of it is left, and nothing is seen of a password."""
    login, other = account(sudo=PASSWORD), account()
    session = pool().session(sshd(user=login.name).spec())
    become = Become(other.name, method, other.password if method == "su" else login.password)
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 12_000)
    async with remote_shell(session, become) as shell:
        assert await _rsync(shell, str(source), f"whoever@wherever:{other.home}/copy") == (0, "")
        assert not helpers.living(become.password)
        assert await _rsync(shell, f"wherever:{other.home}/copy", str(tmp_path / "back")) == (0, "")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    assert (other.home / "copy").owner() == other.name
    assert not Path(shell.split()[1]).parent.exists()


async def test_what_goes_wrong_is_told(sshd: Make, account: Make, pool: Make, tmp_path: Path) -> None:
    login = account(sudo=PASSWORD)
    server = sshd(user=login.name)
    (tmp_path / "source").write_text("x")
    for become, why in ((Become(), "password is required"), (Become(password="no"), "incorrect password attempt")):
        async with remote_shell(pool().session(server.spec()), become) as shell:
            status, said = await _rsync(shell, str(tmp_path / "source"), "web:/root/x")
        assert status and why in said
    server.stop()
    async with remote_shell(pool().session(server.spec()), None) as shell:
        status, said = await _rsync(shell, str(tmp_path / "source"), "web:/root/x")
    assert status and "web:" in said and "refuses the connection" in said


async def test_who_gives_up_ends_the_command_on_the_host(
    sshd: Make, account: Make, pool: Make, helpers: Any, tmp_path: Path
) -> None:
    login = account()
    session = pool().session(sshd(user=login.name).spec())
    mark = f"sleep 98{login.name[-3:].encode().hex()}"
    async with remote_shell(session, None) as shell:
        waits = await asyncio.create_subprocess_exec(*shell.split(), "web", mark, stdin=asyncio.subprocess.PIPE)
        await helpers.eventually(lambda: [found for found in helpers.living(mark) if "rsh" not in found])
    await waits.wait()
    assert waits.returncode == 255
    await helpers.eventually(lambda: not helpers.living(mark))


def test_synchronize(sshd: Make, account: Make, helpers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stella_ops.cli.entry import run_cli

    login = account(sudo=PASSWORD)
    server = sshd("PasswordAuthentication yes", user=login.name)
    shutil.copy(server.key, login.home / ".key")
    shutil.chown(login.home / ".key", login.name)
    plugins = tmp_path / "collections/ansible_collections/ansible/posix/plugins"
    for kind, text in (("modules", MODULE), ("action", "")):
        (plugins / kind).mkdir(parents=True)
        (plugins / kind / "synchronize.py").write_text(text)
    (tmp_path / "files/tree/sub").mkdir(parents=True)
    (tmp_path / "files/tree/a").write_text("a")
    (tmp_path / "files/tree/sub/b").write_text("b")
    (tmp_path / "site.yml").write_text(PLAY)
    (tmp_path / "secrets.yml").write_text(f"all: {{vars: {{ansible_password: {login.password}, home: {login.home}}}}}")
    where = f"ansible_host={server.address} ansible_port={server.port} ansible_user={login.name}"
    args = f"{server.known_hosts()} -o PubkeyAuthentication=no"
    sudo = f"ansible_become_password={login.password}"
    lines = [f"{name} {where} {sudo} ansible_ssh_common_args='{args}'" for name in ("web", "other")]
    (tmp_path / "hosts.ini").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    out = io.StringIO()
    with contextlib.suppress(SystemExit), redirect_stdout(out), redirect_stderr(out):
        words = ["play", "-i", "hosts.ini", "-i", "secrets.yml", "site.yml"]
        monkeypatch.setattr(sys, "argv", ["stella-ops", *words])
        assert run_cli(words) == 0, out.getvalue()
    assert (tmp_path / "back/sub/b").read_text() == "b"
    assert (login.home / "fourth").is_file() and (login.home / "fifth").is_file()
    assert login.password not in out.getvalue()
