"""Content from the controller that a module needs as a file: kept where nobody else can read it, and removed again.

The module's ARGUMENTS must have ``"_content_stream": {"type": "dict"}``, which says how the content is streamed.
"""

import contextlib
import os

from stella_ops.remote.lib import incoming
from stella_ops.remote.lib.task import ModuleFailure

# What the module answers when it was called without the content that it needs.
NEEDED = {"changed": False, "need_content": True, "content": {"packed": True}}


@contextlib.contextmanager
def as_file(task, name="content", mode=0o600):
    """A file of the task's content, below a private folder, as long as the context lasts.

    Args:
        name: its base name.
        mode: its permission bits.
    """
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="stella-")
    try:
        path = os.path.join(folder, os.path.basename(name) or "content")
        how = task.args["_content_stream"] or {}
        pieces = incoming.chunks(task.content) if how.get("packed") else incoming.plain(task.content)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(fd, "wb") as target:
                for piece in pieces:
                    target.write(piece)
        except OSError as error:
            raise ModuleFailure("cannot keep what the controller sent in {}: {}".format(folder, error.strerror))
        os.chmod(path, mode)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)
