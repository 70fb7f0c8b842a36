"""Have a working copy of a git repository at a version."""

import os
import re

from stella_ops.remote.lib import git_program, process

ARGUMENTS = {
    "repo": {"type": "str", "required": True, "aliases": ["name"], "doc": "URL or path of the repository"},
    "dest": {"type": "path", "doc": "folder of the working copy; needed unless clone is false"},
    "version": {"type": "str", "default": "HEAD", "doc": "branch, tag or commit"},
    "remote": {"type": "str", "default": "origin", "doc": "name of the remote"},
    "refspec": {"type": "str", "doc": "a further refspec to fetch"},
    "reference": {"type": "str", "doc": "a repository on the host to take objects from"},
    "force": {"type": "bool", "default": False, "doc": "throw local changes away"},
    "depth": {"type": "int", "doc": "fetch only as many commits"},
    "clone": {"type": "bool", "default": True, "doc": "false: do not make a working copy that is not there"},
    "update": {"type": "bool", "default": True, "doc": "false: leave a working copy that is there as it is"},
    "verify_commit": {"type": "bool", "default": False, "doc": "check the commit's or tag's signature"},
    "gpg_allowlist": {"type": "list", "elements": "str", "default": [], "aliases": ["gpg_whitelist"]},
    "accept_hostkey": {"type": "bool", "default": False, "doc": "take whatever key the SSH server shows: unsafe"},
    "accept_newhostkey": {"type": "bool", "default": False, "doc": "take a key of an SSH server that has none yet"},
    "key_file": {"type": "path", "doc": "private key on the host to log in with"},
    "ssh_opts": {"type": "str", "doc": "options for ssh"},
    "executable": {"type": "path", "doc": "path of git"},
    "bare": {"type": "bool", "default": False},
    "recursive": {"type": "bool", "default": True, "doc": "have submodules, too"},
    "single_branch": {"type": "bool", "default": False},
    "track_submodules": {"type": "bool", "default": False, "doc": "take submodules at their branch's newest commit"},
    "umask": {"type": "raw", "doc": "octal, in quotes"},
    "archive": {"type": "path", "doc": "make an archive too: .tar, .tar.gz, .tgz or .zip"},
    "archive_prefix": {"type": "str", "doc": "put before each name in the archive"},
    "separate_git_dir": {"type": "path", "doc": "where the repository itself is kept"},
}

FORMATS = {".zip": "zip", ".gz": "tar.gz", ".tar": "tar", ".tgz": "tgz"}


def run(task):
    """Return before and after (commits), remote_url_changed, submodules_changed."""
    return Checkout(task).manage()


class Checkout(object):
    """One working copy."""

    def __init__(self, task):
        self.task = task
        args = self.args = task.args
        self.check()
        path = args["executable"] or process.find("git")
        if path is None:
            task.fail("this host has no git", hint="install it first: package: name=git")
        self.repo = args["repo"]
        if os.path.expanduser(self.repo).startswith("/"):
            self.repo = "file://" + os.path.expanduser(self.repo)  # depth has no meaning for a bare path
        self.dest = os.path.abspath(args["dest"]) if args["dest"] else None
        self.version, self.remote = args["version"], args["remote"]
        self.git = git_program.Git(path, self.dest, git_program.login_of(self.repo))
        self.git.use_ssh(args["key_file"], self.ssh_options())
        self.result = {"changed": False, "before": None}

    def check(self):
        """Refuse what contradicts itself, and set the umask."""
        args, fail = self.args, self.task.fail
        for one, other in (("separate_git_dir", "bare"), ("accept_hostkey", "accept_newhostkey")):
            if args[one] and args[other]:
                fail("parameters are mutually exclusive: {}|{}".format(one, other))
        if args["archive_prefix"] is not None and not args["archive"]:
            fail("missing parameter(s) required by 'archive_prefix': archive")
        if not args["dest"] and args["clone"]:
            fail("the destination directory must be specified unless clone=no")
        for name in ("version", "remote", "refspec", "repo"):
            if (args[name] or "").startswith("-"):
                fail("{} cannot begin with a dash: {}".format(name, args[name]))
        if args["archive"] and os.path.splitext(args["archive"])[1] not in FORMATS:
            fail("Unable to get file extension from archive file name : {}".format(args["archive"]))
        umask = args["umask"]
        if umask is not None:
            if not isinstance(umask, str):
                fail("umask must be defined as a quoted octal integer")
            if not re.match(r"^(0o)?[0-7]{1,4}$", umask):
                fail("umask must be an octal integer")
            os.umask(int(umask, 8))

    def ssh_options(self):
        """Options of ssh that the arguments stand for."""
        args = self.args
        options = args["ssh_opts"] or ""
        if "StrictHostKeyChecking=" in options:
            return options
        if args["accept_hostkey"]:
            return (options + " -o StrictHostKeyChecking=no").strip()
        if args["accept_newhostkey"]:
            ssh = process.find("ssh")
            if ssh is None or process.run([ssh, "-o", "StrictHostKeyChecking=accept-new", "-V"]).rc != 0:
                self.task.warn(
                    "Your ssh client does not support accept_newhostkey option, therefore it cannot be used."
                )
                return options
            return (options + " -o StrictHostKeyChecking=accept-new").strip()
        return options

    def manage(self):
        """Clone or update, then go to the version."""
        args, result = self.args, self.result
        there = False
        if self.dest:
            there = os.path.exists(os.path.join(self.place(), "config"))
        if not there:
            if self.task.check_mode or not args["clone"]:
                result.update(changed=True, after=self.git.remote_commit(self.repo, self.version))
                return self.with_diff()
            self.clone()
            changed = False
        elif not args["update"]:
            result["before"] = result["after"] = self.git.commit()
            return self.archived()
        else:
            changed = self.update()
            if self.task.check_mode:
                return self.with_diff()
        if not args["bare"]:
            self.switch()
            if args["recursive"] and self.submodules():
                result["submodules_changed"] = changed = True
        result["after"] = self.git.commit()
        if changed or result["before"] != result["after"]:
            result["changed"] = True
            self.with_diff()
        return self.archived()

    def place(self):
        """Where the repository is; moved first when it is to be elsewhere."""
        path = git_program.folder_of(self.dest, self.args["bare"])
        wanted = self.args["separate_git_dir"]
        if not wanted or not os.path.exists(path) or os.path.realpath(wanted) == os.path.realpath(path):
            return path
        wanted = os.path.realpath(wanted)
        self.result["changed"] = True
        if self.task.check_mode:
            return path
        if os.path.exists(wanted):
            self.task.fail("Separate-git-dir path {} already exists.".format(wanted))
        import shutil

        shutil.move(path, wanted)
        with open(os.path.join(self.dest, ".git"), "w", encoding="utf-8", errors="surrogateescape") as out:
            out.write("gitdir: {}\n".format(wanted))
        self.result.update(git_dir_before=path, git_dir_now=wanted)
        return wanted

    # --- getting it

    def is_named(self, remote):
        """Whether the version is a branch or tag of a remote."""
        return bool(self.git.remote_branch(remote, self.version) or self.git.remote_tag(remote, self.version))

    def clone(self):
        """Make the working copy."""
        args = self.args
        above = os.path.dirname(self.dest)
        os.makedirs(above, exist_ok=True)
        words = ["clone"] + (["--bare"] if args["bare"] else ["--origin", self.remote])
        named = self.version != "HEAD" and self.is_named(self.repo)
        branch = ["--branch", self.version] if named else []
        if args["depth"]:
            if self.version == "HEAD" or args["refspec"]:
                words += ["--depth", str(args["depth"])]
            elif named:
                words += ["--depth", str(args["depth"])] + branch
            else:
                self.task.warn(
                    "Ignoring depth argument. Shallow clones are only available for HEAD, branches, tags or in "
                    "combination with refspec."
                )
        if args["reference"]:
            words += ["--reference", args["reference"]]
        if args["single_branch"]:
            words += ["--single-branch"] + (branch if "--branch" not in words else [])
        if args["separate_git_dir"]:
            words.append("--separate-git-dir=" + os.path.realpath(args["separate_git_dir"]))
        self.git.do("", *(words + ["--", self.repo, self.dest]), cwd=above)
        if args["bare"] and self.remote != "origin":
            self.git.do("", "remote", "add", self.remote, self.repo)
        if args["refspec"]:
            depth = ["--depth", str(args["depth"])] if args["depth"] else []
            self.git.do("", *(["fetch"] + depth + [self.remote] + args["refspec"].split()))

    def update(self):
        """Bring an existing one up to date; True when something changed beside the commit."""
        args, result, git = self.args, self.result, self.git
        modified = not args["bare"] and git.is_modified()
        result["before"] = git.commit()
        if modified:
            if not args["force"]:
                message = "Local modifications exist in the destination: {} (force=no).".format(self.dest)
                self.task.fail(message, **result)
            if not self.task.check_mode:
                git.do("Failed to reset", "reset", "--hard", "HEAD")
                result["msg"] = "Local modifications exist in the destination: {}".format(self.dest)
        url = git.url(self.remote)
        moved = url is not None and not same_place(url, self.repo)
        result["remote_url_changed"] = moved
        if self.task.check_mode:
            branch = None if args["bare"] or self.version != "HEAD" else git.main_branch(self.remote)
            result["after"] = git.remote_commit(self.repo if moved else self.remote, self.version, branch)
            result["changed"] = result["changed"] or result["before"] != result["after"] or moved
            return False
        if moved:
            git.do("Failed to set a new url", "remote", "set-url", self.remote, self.repo)
        elif url is None:
            git.do("Failed to add the remote", "remote", "add", self.remote, self.repo)
        self.fetch()
        return modified or moved

    def fetch(self):
        """Get what is new at the remote."""
        args = self.args
        words = ["fetch"]
        wanted = []
        if args["depth"]:
            wanted = self.least()
            words += ["--depth", str(args["depth"])] if wanted else []
        if not wanted:
            if args["bare"]:
                wanted = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
            else:
                words.append("--tags")
            wanted += args["refspec"].split() if args["refspec"] else []
        words += ["--force"] if args["force"] else []
        self.git.do("Failed to download remote objects and refs", *(words + [self.remote] + wanted))

    def least(self):
        """What has to be fetched for the version alone; nothing when that cannot be told."""
        version, remote = self.version, self.remote
        if self.args["refspec"]:
            return self.args["refspec"].split()
        here = self.git.main_branch(remote)
        if version == "HEAD":
            return ["+refs/heads/{0}:refs/remotes/{1}/{0}".format(here, remote)]
        if self.git.remote_branch(remote, version):
            return ["+refs/heads/{0}:refs/remotes/{1}/{0}".format(version, remote)]
        if self.git.remote_tag(remote, version):
            return ["+refs/tags/{0}:refs/tags/{0}".format(version)]
        return []

    # --- going there

    def switch(self):
        """Check the version out."""
        git, version, remote = self.git, self.version, self.remote
        target = "{}/{}".format(remote, version)
        if version == "HEAD":
            version = git.main_branch(remote)
            target = "{}/{}".format(remote, version)
            git.do("Failed to checkout branch {}".format(version), "checkout", "--force", version, "--", alone=True)
            git.do("Failed to checkout branch {}".format(version), "reset", "--hard", target, "--", alone=True)
        elif git.remote_branch(remote, version):
            if self.args["depth"] and git.commit("refs/remotes/" + target) is None:
                spec = "+refs/heads/{0}:refs/remotes/{1}/{0}".format(version, remote)
                failed = "Failed to fetch branch from remote: {}".format(version)
                git.do(failed, "fetch", "--depth", str(self.args["depth"]), remote, spec, alone=True)
            failed = "Failed to checkout branch {}".format(version)
            if git.has_branch(version):
                git.do(failed, "checkout", "--force", version, "--", alone=True)
                git.do(failed, "reset", "--hard", target, "--", alone=True)
            else:
                git.do(failed, "checkout", "--force", "-b", version, "refs/remotes/" + target, "--", alone=True)
                git.run("branch", "--set-upstream-to=" + target, version)
        else:
            git.do("Failed to checkout {}".format(version), "checkout", "--force", version, "--", alone=True)
        if self.args["verify_commit"]:
            self.verify()

    def verify(self):
        """Check the signature of the tag or commit."""
        annotated = self.git.run("cat-file", "-t", "refs/tags/" + self.version)[1].strip() == "tag"
        words = ["verify-tag" if annotated else "verify-commit"]
        allowed = [each.replace(" ", "").upper() for each in self.args["gpg_allowlist"]]
        words += ["--raw"] if allowed else []
        failed = 'Failed to verify GPG signature of commit/tag "{}"'.format(self.version)
        rc, stdout, stderr = self.git.run(*(words + [self.version]))
        if rc != 0:
            self.task.fail(failed, rc=rc, stdout=stdout, stderr=stderr)
        if not allowed:
            return
        told = re.search(r"^\[GNUPG:\] VALIDSIG (.*)$", stderr, re.MULTILINE)
        fields = told.group(1).split() if told else [""]
        signer = fields[9] if len(fields) > 9 else fields[0]  # the last is the primary key's (gnupg, doc/DETAILS)
        if signer not in allowed:
            message = 'The gpg_allowlist does not include the public key "{}" for this commit'.format(signer)
            self.task.fail(message, stdout=stdout, stderr=stderr)

    def submodules(self):
        """Have the submodules as the commit wants them; True when one changed."""
        if not os.path.exists(os.path.join(self.dest, ".gitmodules")):
            return False
        failed = "Failed to init/update submodules"
        before = self.git.do(failed, "submodule", "status", "--recursive")
        words = ["submodule", "update", "--init", "--recursive"]
        words += ["--remote"] if self.args["track_submodules"] else []
        words += ["--force"] if self.args["force"] else []
        self.git.do(failed, "submodule", "sync", "--recursive")
        self.git.do(failed, *words)
        return before != self.git.do(failed, "submodule", "status", "--recursive")

    # --- telling

    def with_diff(self):
        """The result, with a diff where one is wanted."""
        before, after = self.result["before"], self.result["after"]
        if self.task.diff_mode and before != after:
            text = ">> Newly checked out {}".format(after)
            if before is not None:
                rc, stdout, _ = self.git.run("diff", before, after, "--")
                text = ">> {} to {}".format(before, after)  # what is not fetched yet cannot be compared
                if rc == 0:
                    text = stdout or ">> No visual differences between {} and {}".format(before, after)
            self.result["diff"] = {"prepared": text}
        return self.result

    def archived(self):
        """The result; the archive is made, or made anew when it would be another."""
        archive = self.args["archive"]
        if not archive:
            return self.result
        if self.task.check_mode:
            self.result["changed"] = True
            return self.result
        import filecmp
        import tempfile

        kind = FORMATS[os.path.splitext(archive)[1]]
        with tempfile.TemporaryDirectory(prefix=".stella-", dir=os.path.dirname(os.path.abspath(archive))) as folder:
            fresh = os.path.join(folder, "archive." + kind)
            words = ["archive", "--format", kind, "--output", fresh]
            words += ["--prefix", self.args["archive_prefix"]] if self.args["archive_prefix"] is not None else []
            self.git.do("Failed to perform archive operation", *(words + [self.version]), alone=True)
            if not os.path.exists(archive) or not filecmp.cmp(fresh, archive, shallow=False):
                os.rename(fresh, archive)
                self.result["changed"] = True
        return self.result


def same_place(one, other):
    """Whether two URLs, or paths, are the same repository's."""
    if one == other:
        return True
    paths = [each[len("file://") :] if each.startswith("file://") else each for each in (one, other)]
    return all(each.startswith("/") for each in paths) and os.path.realpath(paths[0]) == os.path.realpath(paths[1])
