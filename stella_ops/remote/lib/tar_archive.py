"""Archives that GNU tar(1) reads, for ``unarchive``: compared with what is there by tar itself, and unpacked by it.

tar leaves out leading slashes and refuses ".." in names, and delays links that lead elsewhere, so that an archive
cannot write outside its folder; options that turn that off are checked against the names.
"""

import codecs
import fnmatch
import os
import re

from stella_ops.remote.lib import process
from stella_ops.remote.lib.task import ModuleFailure

# Each kind: what ansible-core calls it, how its files begin, and tar's option. Most tars find out all kinds by
# themselves, which is tried first, as in ansible-core, but for the first of the kinds.
KINDS = (
    ("TgzArchive", b"\x1f\x8b", "-z"),
    ("TarBzipArchive", b"BZh", "-j"),
    ("TarXzArchive", b"\xfd7zXZ\0", "-J"),
    ("TarZstdArchive", b"\x28\xb5\x2f\xfd", "--use-compress-program=zstd"),
    ("TgzArchive", b"\x1f\x9d", "-Z"),
)
_ALWAYS_COUNTS = re.compile(
    r"(?:: Mod time differs|: Warning: Cannot stat: No such file or directory|: Invalid owner|: Invalid group"
    r"|: Symlink differs|: Contents differ|: Size differs|: File type differs)$"
)
_NOTHING_TO_COMPARE = ": : Warning: Cannot stat: No such file or directory"


class TarArchive(object):
    """One archive and what a task says of it.

    Args:
        args: arguments of ``unarchive``.
        path: the archive.
        head: its first bytes.
    """

    def __init__(self, args, path, head):
        self._args = args
        self._path = path
        found = [(name, option) for name, magic, option in KINDS if head.startswith(magic)]
        self.handler, self._option = "TarArchive", ""
        self._otherwise = found[0] if found else None
        if found and found[0][0] == KINDS[0][0]:
            self.handler, self._option = found[0]
            self._otherwise = None
        self._program = process.find("gtar") or process.find("tar")
        self._excludes = [name.rstrip("/") for name in args["exclude"]]

    def names(self):
        """The names in the archive, without a leading slash. Raises ModuleFailure when tar cannot read it."""
        if self._program is None:
            raise ModuleFailure(self._sorry("Unable to find required 'gtar' or 'tar' binary in the path"))
        outcome = self._run(["--list"], owners=False)
        if outcome.rc != 0 and self._otherwise:
            self.handler, self._option = self._otherwise
            outcome = self._run(["--list"], owners=False)
        if outcome.rc != 0:
            said = outcome.stderr.decode("utf-8", "replace")
            text = 'Command "{}" could not handle archive: Unable to list files in the archive: {}'
            raise ModuleFailure(self._sorry(text.format(self._program, said)))
        found = []
        for line in outcome.stdout.splitlines():
            # tar writes odd bytes as octal escapes.
            name = os.fsdecode(codecs.escape_decode(line)[0]).lstrip("/")
            if any(fnmatch.fnmatch(name, pattern) for pattern in self._excludes):
                continue
            if ".." in name.split("/"):
                raise ModuleFailure("the archive has the name '{}', which leads out of the folder".format(name))
            found.append(name)
        if not found:
            text = 'Command "{}" found no files in archive. Empty archive files are not supported.'
            raise ModuleFailure(self._sorry(text.format(self._program)))
        return found

    def _sorry(self, reason):
        text = 'Failed to find handler for "{}". Make sure the required command to extract the file is installed.\n{}'
        return text.format(self._path, reason)

    def differs(self):
        """Whether what is there is other than the archive; what the task sets itself does not count."""
        outcome = self._run(["--diff"])
        root = os.getuid() == 0
        for line in (outcome.stdout + outcome.stderr).decode("utf-8", "replace").splitlines():
            if line.endswith(_NOTHING_TO_COMPARE):
                continue
            if line.endswith(": Uid differs") and root and not self._args["owner"]:
                return True
            if line.endswith(": Gid differs") and root and not self._args["group"]:
                return True
            if line.endswith(": Mode differs") and self._args["mode"] is None:
                return True
            if _ALWAYS_COUNTS.search(line):
                return True
        return False

    def extract(self):
        """Unpack it; returns ansible-core's ``extract_results``: cmd, rc, out, err."""
        command = self._command(["--extract"])
        outcome = process.run(command, cwd=self._args["dest"], environment={"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"})
        text = [data.decode("utf-8", "replace") for data in (outcome.stdout, outcome.stderr)]
        return {"cmd": command, "rc": outcome.rc, "out": text[0], "err": text[1]}

    def _run(self, what, owners=True):
        environment = {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}
        return process.run(self._command(what, owners), cwd=self._args["dest"], environment=environment)

    def _command(self, what, owners=True):
        args = self._args
        words = [self._program] + what + ["-C", args["dest"]]
        if self._option:
            words.append(self._option)
        if args["extra_opts"]:
            words += ["--show-transformed-names"] + args["extra_opts"]
        if owners:
            words += ["--{}={}".format(name, args[name]) for name in ("owner", "group") if args[name]]
            if args["keep_newer"]:
                words.append("--keep-newer-files")
        words += ["--exclude=" + name for name in self._excludes]
        # A name that looks like an option is none.
        ends = ["--"] if any(name.startswith("-") for name in args["include"]) else []
        return words + ["-f", self._path] + ends + args["include"]
