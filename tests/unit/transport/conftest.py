"""Modules of our own in a folder, and sessions on this machine that run them."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from stella_ops.transport.base import ConnectionSpec
from stella_ops.transport.code import CodeLibrary
from stella_ops.transport.local import LocalSession

MODULES = {
    "echo": """
ARGUMENTS = {"value": {"type": "raw"}}
def run(task):
    return {"value": task.args["value"]}
""",
    "size": """
import hashlib
ARGUMENTS = {"want": {"type": "int", "default": -1}}
def run(task):
    if task.content is None:
        return {"need_content": True}
    data = task.content.read(task.args["want"])
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
""",
    "sleeper": """
import os, time
ARGUMENTS = {"path": {"type": "path"}}
def run(task):
    with open(task.args["path"] + ".new", "w") as out:
        out.write(str(os.getpid()))
    os.rename(task.args["path"] + ".new", task.args["path"])
    time.sleep(300)
    return {}
""",
    "dies": """
import os, sys
ARGUMENTS = {"signal": {"type": "int"}}
def run(task):
    sys.stderr.write("first line\\nlast words\\n")
    sys.stderr.flush()
    os.kill(os.getpid(), task.args["signal"])
""",
    "killparent": """
import os, time
ARGUMENTS = {}
def run(task):
    os.kill(os.getppid(), 9)
    time.sleep(60)
""",
}


@pytest.fixture
def code(tmp_path: Path) -> CodeLibrary:
    """A library of small modules."""
    folder = tmp_path / "modules"
    folder.mkdir()
    for name, source in MODULES.items():
        (folder / f"{name}.py").write_text(source)
    return CodeLibrary((folder,))


@pytest_asyncio.fixture
async def local(code: CodeLibrary) -> AsyncIterator[Callable[..., LocalSession]]:
    """Makes sessions on this machine; closed in the end."""
    made: list[LocalSession] = []

    def make(**spec: object) -> LocalSession:
        made.append(LocalSession(ConnectionSpec(name="here", kind="local", **spec), code))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for session in made:
        await session.close()
