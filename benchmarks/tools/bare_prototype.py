"""The least program that does a plan's steps over asyncssh: ``python bare_prototype.py PLAN.json``.

One connection and one Python process a host; a step is one question and one answer, a file that the host does not
have is a second. Frames are four bytes of length and JSON; a file's bytes follow the frame that announces them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import asyncssh
import jinja2

# On the host. It answers {"need": true} when it wants a file's content.
_REMOTE = """
import hashlib, json, os, platform, struct, subprocess, sys
source, out = sys.stdin.buffer, sys.stdout.buffer
def place(q):
    try:
        with open(q['path'], 'rb') as f: same = hashlib.sha256(f.read()).hexdigest() == q['sha256']
    except OSError: same = False
    if not same and 'size' not in q: return {'need': True}
    if not same:
        content = source.read(q['size'])
        if hashlib.sha256(content).hexdigest() != q['sha256']: return {'error': 'damaged'}
        part = q['path'] + '.part'
        with open(part, 'wb') as f: f.write(content)
        os.chmod(part, int(q['mode'], 8))
        os.rename(part, q['path'])
    elif os.stat(q['path']).st_mode & 0o7777 != int(q['mode'], 8): os.chmod(q['path'], int(q['mode'], 8))
    return {'changed': not same}
def answer(q):
    kind = q['step']
    if kind == 'Ping': return {'ping': 'pong'}
    if kind == 'Facts':
        with open('/etc/os-release') as f: release = f.read()
        return {'uname': list(platform.uname()), 'os': release, 'cpus': os.cpu_count(), 'env': dict(os.environ)}
    if kind == 'Directory':
        made = not os.path.isdir(q['path'])
        if made: os.mkdir(q['path'])
        os.chmod(q['path'], int(q['mode'], 8))
        return {'changed': made}
    if kind == 'Command':
        done = subprocess.run(['/bin/sh', '-c', q['command']], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return {'rc': done.returncode, 'out': done.stdout.decode(), 'err': done.stderr.decode()}
    if kind == 'Stat': return {'stat': list(os.stat(q['path']))}
    return place(q)
while True:
    head = source.read(4)
    if len(head) < 4: break
    told = json.dumps(answer(json.loads(source.read(struct.unpack('>I', head)[0]).decode()))).encode()
    out.write(struct.pack('>I', len(told)) + told)
    out.flush()
"""
_SIZE = len(_REMOTE.encode())
_START = f"python3 -c 'import sys; exec(sys.stdin.buffer.read({_SIZE}))'"


class Host:
    """One host's process, and what was learnt of it."""

    def __init__(self, plan: dict[str, Any], host: dict[str, Any], sources: Sources) -> None:
        self._plan = plan
        self._host = host
        self._sources = sources
        self._kernel = ""

    async def work(self, key: asyncssh.SSHKey, known_hosts: Any) -> None:
        """Connect, do all steps, disconnect."""
        connection = asyncssh.connect(
            self._host["address"],
            self._host["port"],
            username=self._host["user"],
            client_keys=[key],
            known_hosts=known_hosts,
            agent_path=None,
            config=None,
        )
        async with connection as connected, connected.create_process(_START, encoding=None) as process:
            process.stdin.write(_REMOTE.encode())
            for step in self._plan["steps"]:
                await self._do(process, dict(step))
            process.stdin.write_eof()

    async def _do(self, process: Any, step: dict[str, Any]) -> None:
        if "path" in step:
            step["path"] = f"{self._host['root']}/{step['path']}"
        content = self._sources.content(step, self._host["name"], self._kernel)
        if step["step"] == "Command":
            step["command"] = f"echo {step['mark']} >> {self._host['root']}/commands.log"
        if content is not None:
            step["sha256"] = content[1]
        answer = await self._ask(process, step)
        if answer.get("need") and content is not None:
            step["size"] = len(content[0])
            answer = await self._ask(process, step, content[0])
        if "error" in answer or answer.get("rc"):
            raise SystemExit(f"{self._host['name']}: {step['step']}: {answer}")
        if step["step"] == "Facts":
            self._kernel = answer["uname"][2]
        if step["step"] == "Ping":
            print(self._host["name"], answer["ping"])

    @staticmethod
    async def _ask(process: Any, question: dict[str, Any], content: bytes = b"") -> dict[str, Any]:
        told = json.dumps(question).encode()
        process.stdin.write(len(told).to_bytes(4, "big") + told)
        if content:
            process.stdin.write(content)
            await process.stdin.drain()
        size = int.from_bytes(await process.stdout.readexactly(4), "big")
        answer: dict[str, Any] = json.loads(await process.stdout.readexactly(size))
        return answer


class Sources:
    """Files and templates, read, hashed and compiled once for all hosts."""

    def __init__(self, materials: Path) -> None:
        self._materials = materials
        self._environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True)
        self._files: dict[str, tuple[bytes, str]] = {}
        self._templates: dict[str, jinja2.Template] = {}

    def content(self, step: dict[str, Any], name: str, kernel: str) -> tuple[bytes, str] | None:
        """The content that a step places and its SHA-256; None for steps that place none."""
        if step["step"] == "Copy":
            if step["source"] not in self._files:
                read = (self._materials / step["source"]).read_bytes()
                self._files[step["source"]] = (read, hashlib.sha256(read).hexdigest())
            return self._files[step["source"]]
        if step["step"] == "Template":
            if step["source"] not in self._templates:
                text = (self._materials / step["source"]).read_text()
                self._templates[step["source"]] = self._environment.from_string(text)
            made = self._templates[step["source"]].render(host_name=name, host_kernel=kernel).encode()
        elif step["step"] == "Line":
            made = (step["text"] + "\n").encode()
        else:
            return None
        return made, hashlib.sha256(made).hexdigest()


async def main(plan: dict[str, Any]) -> None:
    """Do the plan on all its hosts at once."""
    key = asyncssh.read_private_key(plan["key"])
    known_hosts = asyncssh.read_known_hosts(plan["known_hosts"])
    sources = Sources(Path(plan["materials"]))
    async with asyncio.TaskGroup() as group:
        for host in plan["hosts"]:
            group.create_task(Host(plan, host, sources).work(key, known_hosts))


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
