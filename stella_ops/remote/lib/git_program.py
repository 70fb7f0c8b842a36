"""git by its program: run with argument lists, its references read in the forms made for programs.

Sources: git(1), gitrevisions(7), git-ls-remote(1).
"""

import os
import re
import shlex

from stella_ops.remote.lib import process
from stella_ops.remote.lib.task import ModuleFailure, to_text

_OLDEST_SSH_COMMAND = (2, 3)


class Git(object):
    """git for one repository.

    Args:
        path: of the program.
        folder: the working copy (or bare repository); it need not exist yet.
        secret: text that no message may show, as the login in a URL; None for none.
    """

    def __init__(self, path, folder, secret=None):
        self.path = path
        self.folder = folder
        self.secret = secret
        self.environment = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C", "GIT_TERMINAL_PROMPT": "0"}
        self._version = None
        self._refs = {}

    def run(self, *words, **options):
        """Run git; rc, stdout and stderr. ``cwd`` is where, the folder if not given."""
        cwd = options.get("cwd", self.folder)
        if cwd is not None and not os.path.isdir(cwd):
            cwd = None
        try:
            outcome = process.run([self.path] + list(words), cwd=cwd, environment=self.environment)
        except OSError as error:
            raise ModuleFailure("cannot run {}: {}".format(self.path, error.strerror))
        return outcome.rc, self.hide(to_text(outcome.stdout)), self.hide(to_text(outcome.stderr))

    def do(self, what, *words, alone=False, **options):
        """Run git and return its output; when it fails, the task fails with ``what`` and git's words.

        Args:
            alone: ``what`` is the whole message, as in ansible-core; git's words go to people.
        """
        rc, stdout, stderr = self.run(*words, **options)
        if rc != 0:
            said = stderr.strip() or stdout.strip()
            line = " ".join([self.path] + [self.hide(word) for word in words])
            more = {"rc": rc, "stdout": stdout, "stderr": stderr, "cmd": line}
            hint = hint_for(said)
            if hint:
                more["hint"] = hint
            if alone:
                raise ModuleFailure(what, said, **more)
            raise ModuleFailure("{}: {}".format(what, said) if what else said, **more)
        return stdout

    def hide(self, text):
        """A text without the login of the repository's URL."""
        return text.replace(self.secret, "********") if self.secret else text

    def version(self):
        """git's version as numbers, (2, 39, 5); () when it does not tell."""
        if self._version is None:
            told = re.search(r"git version ([0-9.]+)", self.run("--version", cwd=None)[1])
            self._version = tuple(int(part) for part in told.group(1).split(".") if part) if told else ()
        return self._version

    def use_ssh(self, key_file, options):
        """Have git reach SSH hosts without questions, with a key and further options of ssh(1)."""
        command = os.environ.get("GIT_SSH_COMMAND") or shlex.quote(os.environ.get("GIT_SSH") or "ssh")
        if options:
            command += " " + options
        if "BatchMode=yes" not in command:
            command += " -o BatchMode=yes"
        if key_file:
            command += " -i {} -o IdentitiesOnly=yes".format(shlex.quote(key_file))
        if (key_file or options) and self.version() < _OLDEST_SSH_COMMAND:
            raise ModuleFailure("this host's git is older than 2.3 and cannot be told how to use ssh")
        self.environment["GIT_SSH_COMMAND"] = command

    # --- what there is

    def commit(self, revision="HEAD"):
        """The commit that a revision names here; None when there is none."""
        rc, stdout, _ = self.run("rev-parse", "--verify", "--quiet", revision + "^{commit}")
        return stdout.strip() if rc == 0 else None

    def is_modified(self):
        """Whether tracked files differ from the commit."""
        told = self.do("Failed to look for local modifications", "status", "--porcelain", "--untracked-files=no")
        return bool(told.strip())

    def branch(self):
        """The branch that is checked out; None for a detached head."""
        rc, stdout, _ = self.run("symbolic-ref", "--quiet", "--short", "HEAD")
        return stdout.strip() if rc == 0 else None

    def has_branch(self, name):
        """Whether there is a local branch."""
        return self.run("show-ref", "--verify", "--quiet", "refs/heads/" + name)[0] == 0

    def main_branch(self, remote):
        """The branch that ``HEAD`` means: the one checked out, else the remote's own."""
        here = self.branch()
        if here:
            return here
        rc, stdout, _ = self.run("symbolic-ref", "--quiet", "refs/remotes/{}/HEAD".format(remote))
        if rc == 0:
            return stdout.strip().split("/", 3)[-1]
        told = re.search(r"^ref: refs/heads/(\S+)\s+HEAD$", self.references(remote)[1], re.MULTILINE)
        if told is None:
            raise ModuleFailure("cannot tell which branch of {} is the main one; give version".format(remote))
        return told.group(1)

    def references(self, remote):
        """Commits by full name of what a remote (name or URL) has, and git's own words; asked once."""
        if remote not in self._refs:
            words = ["ls-remote"] + (["--symref"] if self.version() >= (2, 8) else []) + ["--", remote]
            told = self.do("", *words)
            found = {}
            for line in told.splitlines():
                commit, _, name = line.partition("\t")
                if not commit.startswith("ref: "):
                    found[name] = commit
            self._refs[remote] = found, told
        return self._refs[remote]

    def remote_branch(self, remote, name):
        """The commit of a remote's branch; None when there is none."""
        return self.references(remote)[0].get("refs/heads/" + name)

    def remote_tag(self, remote, name):
        """The commit of a remote's tag; None when there is none."""
        found = self.references(remote)[0]
        return found.get("refs/tags/{}^{{}}".format(name)) or found.get("refs/tags/" + name)

    def remote_commit(self, remote, version, branch=None):
        """What a version is at a remote: of a branch, a tag, or the version itself, taken for a commit.

        Args:
            branch: what ``HEAD`` means; None for the remote's own.
        """
        if version == "HEAD":
            found = self.references(remote)[0]
            commit = found.get("HEAD") if branch is None else found.get("refs/heads/" + branch)
            if commit is None:
                raise ModuleFailure("Could not determine remote revision for {}".format(branch or version))
            return commit
        return self.remote_branch(remote, version) or self.remote_tag(remote, version) or version

    def url(self, remote):
        """The URL of a remote; None when there is none of that name."""
        rc, stdout, _ = self.run("config", "--get", "remote.{}.url".format(remote))
        return stdout.rstrip("\n") if rc == 0 else None


def folder_of(dest, bare):
    """Where a working copy's repository is: ``dest/.git``, or where that file points (gitrepository-layout(5)).

    Raises:
        ModuleFailure: it points nowhere.
    """
    path = dest if bare else os.path.join(dest, ".git")
    if not os.path.isfile(path):
        return path
    with open(path, encoding="utf-8", errors="surrogateescape") as source:
        before, mark, leads_to = source.read().rstrip().partition("gitdir: ")
    leads_to = os.path.join(dest, leads_to)
    if before or not mark or not os.path.isdir(leads_to):
        raise ModuleFailure(
            "Current repo does not have a valid reference to a separate Git dir or it refers to the invalid path",
            details="{} leads to {}".format(path, leads_to),
        )
    return leads_to


def login_of(url):
    """The ``user:password`` in a URL; None when there is no password."""
    told = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://([^/@]*:[^/@]+)@", url)
    return told.group(1) if told else None


def hint_for(stderr):
    """What to do next where git's or ssh's words are known; else None."""
    if "dubious ownership" in stderr:
        return "the folder belongs to another user: run as that one (become_user), or change its owner"
    if "Host key verification failed" in stderr:
        return "have the host know the server's key (known_hosts), or set accept_newhostkey: true"
    if "Permission denied (" in stderr:
        return "the server refuses the key: give key_file, or allow that key there"
    if "could not read Username" in stderr or "terminal prompts disabled" in stderr:
        return "the server asks for a login: there is none, or the repository does not exist"
    return None
