"""SELinux contexts of files, read and written as the extended attribute that holds them.

Where the kernel does not run SELinux there are no contexts, and asking for one changes nothing, as with ansible-core.
"""

import errno
import os

from stella_ops.remote.lib.task import ModuleFailure

ATTRIBUTE = "security.selinux"
PARTS = ("user", "role", "type", "level")


class ContextError(ModuleFailure):
    """A context cannot be read, looked up or set."""


def is_enabled():
    """Whether the kernel runs SELinux; the test of is_selinux_enabled(3)."""
    return os.path.exists("/sys/fs/selinux/enforce")


def wanted(args):
    """The four parts that ``seuser``, ``serole``, ``setype`` and ``selevel`` ask for; None when they ask for none."""
    parts = tuple(args.get("se" + name) for name in PARTS)
    return parts if any(part is not None for part in parts) else None


def apply(path, parts, check, before, after):
    """Give a file the parts of a context that are not None; "_default" is what the policy says of the path.

    Returns:
        Whether something changed, or in check mode would.

    Raises:
        ContextError: the host refuses, or nothing tells the policy's default.
    """
    if not is_enabled():
        return False
    try:
        raw = os.getxattr(path, ATTRIBUTE, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP):
            return False  # a filesystem without labels
        raise ContextError("cannot read the SELinux context of {}: {}".format(path, error.strerror))
    now = raw.rstrip(b"\0").decode("utf-8", "surrogateescape")
    # The level has colons of its own.
    current = now.split(":", 3)
    default = None
    new = list(current)
    for place, part in enumerate(parts):
        if part is None or place >= len(new):
            continue
        if part == "_default":
            if default is None:
                default = _default(path).split(":", 3)
            part = default[place]
        new[place] = part
    if new == current:
        return False
    text = ":".join(new)
    before["secontext"], after["secontext"] = now, text
    if not check:
        try:
            os.setxattr(path, ATTRIBUTE, text.encode("utf-8", "surrogateescape") + b"\0", follow_symlinks=False)
        except OSError as error:
            raise ContextError("cannot give {} the SELinux context {}: {}".format(path, text, error.strerror))
    return True


def _default(path):
    from stella_ops.remote.lib import process

    program = process.find("matchpathcon")
    if program is None:
        raise ContextError("no matchpathcon on this host to tell the default context of {}".format(path))
    outcome = process.run([program, "-n", path])
    found = outcome.stdout.decode("utf-8", "replace").strip()
    if outcome.rc != 0 or found.count(":") < 2:
        raise ContextError("matchpathcon knows no context for {}".format(path))
    return found if found.count(":") > 2 else found + ":s0"
