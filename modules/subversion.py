"""Have a working copy, or an export, of a Subversion repository."""

import os
import re

from stella_ops.remote.lib import programs

ARGUMENTS = {
    "repo": {"type": "str", "required": True, "aliases": ["name", "repository"], "doc": "URL of the repository"},
    "dest": {"type": "path", "doc": "folder of the working copy"},
    "revision": {"type": "str", "default": "HEAD", "aliases": ["rev", "version"]},
    "force": {"type": "bool", "default": False, "doc": "throw away what was changed in the working copy"},
    "in_place": {"type": "bool", "default": False, "doc": "make a working copy of a folder that is there"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True, "doc": "given to svn on its standard input (from svn 1.10 on)"},
    "executable": {"type": "path", "doc": "svn's path"},
    "checkout": {"type": "bool", "default": True, "doc": "make the working copy when there is none"},
    "update": {"type": "bool", "default": True, "doc": "bring the working copy to the revision"},
    "export": {"type": "bool", "default": False, "doc": "write the files alone, without a working copy"},
    "switch": {"type": "bool", "default": True, "doc": "let the working copy be one of this repository"},
    "validate_certs": {"type": "bool", "default": False, "doc": "refuse certificates that cannot be verified"},
}
HINT = "install the package 'subversion'"
# A line of svn's about a file that it added, changed, deleted, replaced or merged.
_FILE = re.compile(r"^[ABDUCGE]\s")
_REVISION = re.compile(r"^\w+\s?:\s+\d+$", re.MULTILINE)
_URL = re.compile(r"^URL\s?:.*$", re.MULTILINE)
MODIFIED = "ERROR: modified files exist in the repository."


def run(task):
    """Return before and after: revision and URL, as svn tells them."""
    args = task.args
    dest = args["dest"]
    if not dest and (args["checkout"] or args["update"] or args["export"]):
        task.fail("the destination directory must be specified unless checkout=no, update=no, and export=no")
    svn = Subversion(task)
    if not (args["export"] or args["update"] or args["checkout"]):
        return {"changed": False, "after": revision_of(svn.say("info", args["repo"]), "remote ")}
    at = ["-r", args["revision"]]
    if args["export"] or not os.path.exists(dest):
        if task.check_mode:
            return {"changed": True}
        if args["export"]:
            svn.say("export", *(["--force"] if args["force"] else []) + at + [args["repo"], dest])
            return {"changed": True}
        if not args["checkout"]:
            return {"changed": False}
        svn.say("checkout", *at + [args["repo"], dest])
        return {"changed": True, "before": None, "after": svn.place()}
    if svn.call("info", dest).rc == 0:
        return update(task, svn, dest, at)
    if not args["in_place"]:
        task.fail("ERROR: {} folder already exists, but its not a subversion repository.".format(dest))
    if task.check_mode:
        return {"changed": True}
    svn.say("checkout", "--force", *at + [args["repo"], dest])
    if args["force"] and svn.is_modified():
        svn.say("revert", "-R", dest)
    return {"changed": True, "before": None, "after": svn.place()}


def update(task, svn, dest, at):
    """Bring a working copy to the repository and revision."""
    args = task.args
    if not args["update"]:
        return {"changed": False}
    modified = svn.is_modified()
    if modified and not args["force"]:
        task.fail(MODIFIED)
    if task.check_mode:
        before, after = (revision_of(svn.say("info", *words)) for words in ([dest], at + [dest]))
        return {"changed": modified or number(before) < number(after), "before": before, "after": after}
    before = svn.place()
    changed = modified
    if args["switch"]:
        changed = any(map(_FILE.match, svn.say("switch", *at + [args["repo"], dest]).splitlines())) or changed
    if modified:
        svn.say("revert", "-R", dest)
    changed = any(map(_FILE.match, svn.say("update", *at + [dest]).splitlines())) or changed
    after = svn.place()
    return {"changed": changed or before != after, "before": before, "after": after}


def revision_of(text, which=""):
    """The line with the revision in what ``svn info`` says."""
    found = _REVISION.search(text)
    return found.group(0) if found else "Unable to get {}revision".format(which)


def number(line):
    """The number in such a line; 0 where there is none."""
    found = re.search(r"\d+$", line)
    return int(found.group(0)) if found else 0


class Subversion(object):
    """svn(1), never asking questions and remembering no passwords."""

    def __init__(self, task):
        self.task = task
        args = task.args
        program = args["executable"] or programs.need(task, "svn", HINT)
        self.words = [program, "--non-interactive", "--no-auth-cache"]
        self.stdin = None
        if not args["validate_certs"]:
            self.words.append("--trust-server-cert")
        if args["username"]:
            self.words += ["--username", args["username"]]
        if args["password"]:
            version = programs.do(task, [program, "--version", "--quiet"]).stdout.strip()
            if [int(part) for part in re.findall(r"\d+", version)[:2]] < [1, 10]:
                # Older ones take it as a word, which every user of the host can read.
                task.fail("svn {} cannot take a password on its standard input; 1.10 and newer can".format(version))
            self.words.append("--password-from-stdin")
            self.stdin = args["password"]

    def call(self, *words):
        """Run it, whatever its status."""
        return programs.call(self.task, self.words + list(words), stdin=self.stdin)

    def say(self, *words):
        """What it prints; the module fails when it does."""
        return programs.do(self.task, self.words + list(words), stdin=self.stdin).stdout

    def is_modified(self):
        """Whether files that the repository has were changed or added here."""
        said = self.say("status", "--quiet", "--ignore-externals", self.task.args["dest"])
        return any(line and line[0] not in "?X" for line in said.splitlines())

    def place(self):
        """The lines with revision and URL."""
        text = self.say("info", self.task.args["dest"])
        url = _URL.search(text)
        return [revision_of(text), url.group(0) if url else "Unable to get URL"]
