"""dnf, dnf5 and yum by their programs: the work of the modules of these names.

What is installed is asked of rpm before and after, so that "changed" does not hang on the words a version of dnf
prints. Sources: dnf(8), dnf5(8), yum(8), rpm(8).
"""

import contextlib
import fnmatch
import os
import re
import time

from stella_ops.remote.lib import process, rpm_versions, web
from stella_ops.remote.lib.task import to_text

ENVIRONMENT = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"}
_FORM = "%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\n"
_LOCKED = 200  # dnf(8), exit codes
_LOCK_PAUSE = 1.0
_WOULD = "Check mode: No changes made, but would have if not in check mode"
# By kind of program: how an option is written; None where there is none.
_OPTIONS = {
    "nogpgcheck": {"dnf": "--nogpgcheck", "dnf5": "--no-gpgchecks", "yum": "--nogpgcheck"},
    "keep": {"dnf": "--noautoremove", "dnf5": "--no-autoremove", "yum": None},
    "downloaddir": {"dnf": "--downloaddir", "dnf5": "--destdir", "yum": "--downloaddir"},
    "disable_excludes": {"dnf": "--disableexcludes", "dnf5": "--setopt=disable_excludes", "yum": "--disableexcludes"},
    "allowerasing": {"dnf": "--allowerasing", "dnf5": "--allowerasing", "yum": None},
    "best": {"dnf": "--best", "dnf5": "--best", "yum": None},
    "nobest": {"dnf": "--nobest", "dnf5": "--no-best", "yum": None},
    "refresh": {"dnf": "--refresh", "dnf5": "--refresh", "yum": None},
}  # type: dict[str, dict[str, str | None]]


class Package(object):
    """An installed package."""

    def __init__(self, fields):
        self.name, epoch, version, release, self.arch = fields
        self.epoch = "0" if epoch == "(none)" else epoch
        self.version, self.release = version, release
        self.nevra = "{}-{}:{}-{}.{}".format(self.name, self.epoch, version, release, self.arch)
        shown = "" if self.epoch == "0" else self.epoch + ":"
        self.shown = "{}-{}{}-{}.{}".format(self.name, shown, version, release, self.arch)

    def evr(self):
        """Its ``Version``."""
        return rpm_versions.Version("{}:{}-{}".format(self.epoch, self.version, self.release))

    def names(self):
        """All ways to write which package this is (dnf(8), "Specifying packages")."""
        vr = "{}-{}".format(self.version, self.release)
        plain = [self.name, "{}-{}".format(self.name, self.version), "{}-{}".format(self.name, vr)]
        plain += ["{}-{}:{}".format(self.name, self.epoch, vr), "{}:{}-{}".format(self.epoch, self.name, vr)]
        return plain + ["{}.{}".format(each, self.arch) for each in plain]


def manage(task, programs):
    """Do what a task of dnf or yum asks.

    Args:
        programs: names of programs that may do it, the best first.
    """
    with contextlib.ExitStack() as rooms:
        return Dnf(task, programs, rooms).manage()


class Dnf(object):
    """One task's work; ``rooms`` holds what was fetched for it."""

    def __init__(self, task, programs, rooms):
        self.task = task
        self.rooms = rooms
        self.args = task.args
        self.check()
        self.path = next((path for path in map(process.find, programs) if path), "")
        self.rpm = process.find("rpm")
        if not self.path or self.rpm is None:
            task.fail(
                "this host has no {}".format("rpm" if self.path else " or ".join(programs)),
                hint="guard this task with: when: ansible_pkg_mgr in ['dnf', 'dnf5', 'yum']",
            )
        real = os.path.basename(os.path.realpath(self.path))
        self.notes = []  # what is told besides what was done
        self.fetched = {}  # type: dict[str, str]  # files by the URLs that they were fetched from
        self.kind = "dnf5" if real.startswith("dnf5") else "dnf" if real.startswith("dnf") else "yum"

    def manage(self):
        """Check the arguments, and do the one thing that they ask for."""
        args = self.args
        if args["list"]:
            return self.listed(args["list"])
        names = [name.strip() for name in args["name"] if name.strip()]
        state = {"installed": "present", "removed": "absent", None: "absent" if args["autoremove"] else "present"}
        state = state.get(args["state"], args["state"])
        if args["update_cache"] and not names:
            if not self.task.check_mode:
                self.run(["makecache"] + self.option("refresh"))
            return {"changed": False, "msg": "Cache updated", "results": [], "rc": 0}
        if state == "absent":
            return self.transaction(self.removals(names))
        return self.transaction(self.installs(names, state == "latest"))

    def check(self):
        """Refuse what contradicts itself."""
        args, fail = self.args, self.task.fail
        if args["name"] and args["list"]:
            fail("parameters are mutually exclusive: name|list")
        if args["best"] is not None and args["nobest"] is not None:
            fail("parameters are mutually exclusive: best|nobest")
        if args["autoremove"] and args["state"] not in (None, "absent", "removed"):
            fail("Autoremove should be used alone or with state=absent", results=[])
        for name in args["name"]:
            if name.startswith("-"):
                fail("'{}' is no package".format(name))
        if args["download_dir"] and not args["download_only"]:
            self.task.warn("download_dir has no effect without download_only")

    # --- what is there

    def installed(self):
        """All installed packages."""
        words = [self.rpm, "-qa", "--qf", _FORM]
        if self.args["installroot"] != "/":
            words += ["--root", os.path.abspath(self.args["installroot"])]
        outcome = process.run(words, environment=ENVIRONMENT)
        if outcome.rc != 0:
            self.task.fail("rpm cannot tell what is installed: {}".format(to_text(outcome.stderr).strip()), results=[])
        lines = [line.split("\t") for line in to_text(outcome.stdout).splitlines()]
        return [Package(fields) for fields in lines if len(fields) == 5]

    def matching(self, spec, packages):
        """The installed packages that a spec names: by name, version, pattern, relation, or what they provide."""
        related = rpm_versions.relation(spec)
        if related is not None:
            name, operator, version = related
            found = [each for each in packages if each.name == name]
            return [each for each in found if rpm_versions.holds(each.evr(), operator, version)]
        if set("*?[") & set(spec):
            return [each for each in packages if any(fnmatch.fnmatchcase(name, spec) for name in each.names())]
        found = [each for each in packages if spec in each.names()]
        if found:
            return found
        words = [self.rpm, "-q", "--whatprovides", "--qf", _FORM]
        if self.args["installroot"] != "/":
            words += ["--root", os.path.abspath(self.args["installroot"])]
        outcome = process.run(words + [spec], environment=ENVIRONMENT)
        if outcome.rc != 0:
            return []
        lines = [line.split("\t") for line in to_text(outcome.stdout).splitlines()]
        return [Package(fields) for fields in lines if len(fields) == 5]

    def newer_than(self, spec, packages):
        """Whether a spec with a version names an older one than is installed."""
        named = [each for each in packages if spec.startswith(each.name + "-") and spec[len(each.name) + 1].isdigit()]
        if not named:
            return False
        one = max(named, key=lambda each: len(each.name))
        rest = spec[len(one.name) + 1 :]
        if rest.endswith("." + one.arch):
            rest = rest[: -len(one.arch) - 1]
        if set("*?[") & set(rest):
            return False
        wanted = rpm_versions.Version(rest)
        if ":" not in rest:
            wanted.epoch = one.epoch
        return one.evr().relates(wanted) > 0

    def of_file(self, path):
        """The package in a local .rpm file."""
        outcome = process.run([self.rpm, "-qp", "--nosignature", "--qf", _FORM, path], environment=ENVIRONMENT)
        lines = [line.split("\t") for line in to_text(outcome.stdout).splitlines()]
        if outcome.rc != 0 or not lines or len(lines[0]) != 5:
            self.task.fail("cannot read {}: {}".format(path, to_text(outcome.stderr).strip()), results=[], rc=1)
        return Package(lines[0])

    # --- what is to be done: commands

    def installs(self, names, latest):
        """The commands that install or upgrade."""
        args = self.args
        flags = self.flags()
        self.fetch(names)
        filters = [flag for name, flag in (("security", "--security"), ("bugfix", "--bugfix")) if args[name]]
        packages = self.installed()
        install, upgrade = [], []
        for name in names:
            if name == "*" and latest:
                return [flags + filters + ["upgrade"]]
            if name.startswith("@"):
                install.append(name)
            elif "://" in name or (name.endswith(".rpm") and "/" in name):
                path = self.fetched.get(name) or os.path.abspath(name)
                self.notes.append("Installed {}".format(self.fetched.get(name) or name))
                if self.file_is_wanted(path, packages):
                    install.append(path)
            elif self.matching(name, packages):
                if latest:
                    upgrade.append(name)
            elif args["update_only"]:
                self.notes.append("Packages providing {} not installed due to update_only specified".format(name))
            elif args["allow_downgrade"] or not self.newer_than(name, packages):
                install.append(name)
        commands = [flags + filters + ["install"] + install] if install else []
        return commands + ([flags + filters + ["upgrade"] + upgrade] if upgrade else [])

    def fetch(self, names):
        """Get the packages that are named by URLs; they are there until ``rooms`` is left."""
        for name in names:
            if "://" in name:
                options = {"validate_certs": self.args["validate_certs"]}
                place = self.rooms.enter_context(web.download(self.task, name, options))
                # dnf takes a file for a package by its ending.
                self.fetched[name] = place + ".rpm"
                os.rename(place, place + ".rpm")

    def file_is_wanted(self, path, packages):
        """Whether a local file holds something to install."""
        if not os.path.isfile(path):
            self.task.fail(
                "Error occurred attempting remote rpm operation: Could not open: {}".format(path), results=[], rc=1
            )
        held = self.of_file(path)
        same = [each for each in packages if (each.name, each.arch) == (held.name, held.arch)]
        relations = [each.evr().relates(held.evr()) for each in same]
        if 0 in relations:
            return False
        return self.args["allow_downgrade"] or not any(found > 0 for found in relations)

    def removals(self, names):
        """The commands that remove."""
        if not names:
            return [self.flags() + ["autoremove"]] if self.args["autoremove"] else []
        packages = self.installed()
        gone = [name for name in names if name.startswith("@") or self.matching(name, packages)]
        self.notes += ["No match for argument: " + name for name in names if name not in gone]
        if not gone:
            return []
        keep = [] if self.args["autoremove"] else self.option("keep")
        return [self.flags() + keep + ["remove"] + gone]

    def option(self, name, value=None):
        """How this program writes an option; fails when it has none."""
        word = _OPTIONS[name][self.kind]
        if word is None:
            if name in ("keep", "refresh"):
                return []
            self.task.fail("{} has no option for {}".format(self.path, name), results=[], rc=1)
        return [word if value is None else "{}={}".format(word, value)]

    def flags(self):
        """The options of a transaction."""
        args = self.args
        words = self.common()
        for name in ("allowerasing", "best", "nobest"):
            if args[name]:
                words += self.option(name)
        if args["best"] is False:
            words += self.option("nobest")
        if args["nobest"] is False:
            words += self.option("best")
        words += ["--skip-broken"] if args["skip_broken"] else []
        words += [] if args["install_weak_deps"] else ["--setopt=install_weak_deps=False"]
        if args["download_only"]:
            words.append("--downloadonly")
            words += self.option("downloaddir", args["download_dir"]) if args["download_dir"] else []
        if args["update_cache"]:
            words += self.option("refresh")
        return words

    def common(self):
        """The options of every command."""
        args = self.args
        words = ["-y"] if not self.task.check_mode else ["--assumeno"]
        words += ["--config=" + args["conf_file"]] if args["conf_file"] else []
        words += ["--installroot=" + os.path.abspath(args["installroot"])] if args["installroot"] != "/" else []
        words += ["--releasever=" + args["releasever"]] if args["releasever"] else []
        words += ["--disablerepo=" + name for name in args["disablerepo"]]
        words += ["--enablerepo=" + name for name in args["enablerepo"]]
        words += ["--disableplugin=" + name for name in args["disable_plugin"]]
        words += ["--enableplugin=" + name for name in args["enable_plugin"]]
        words += ["--exclude=" + name for name in args["exclude"]]
        words += self.option("disable_excludes", args["disable_excludes"]) if args["disable_excludes"] else []
        if args["disable_gpg_check"]:
            words += self.option("nogpgcheck")
        else:  # what is in files is to be signed as well, whatever the host's settings say
            words += ["--setopt=gpgcheck=True", "--setopt=localpkg_gpgcheck=True"]
        words += [] if args["sslverify"] and args["validate_certs"] else ["--setopt=sslverify=False"]
        return words + (["-C"] if args["cacheonly"] else [])

    # --- doing it

    def run(self, words):
        """Run the program; while another has its lock, try again for ``lock_timeout`` seconds."""
        deadline = time.monotonic() + self.args["lock_timeout"]
        extra = ["--setopt=exit_on_lock=True"] if self.kind == "dnf" else []
        while True:
            outcome = process.run([self.path] + extra + words, environment=ENVIRONMENT)
            if outcome.rc != _LOCKED or time.monotonic() >= deadline:
                return outcome.rc, to_text(outcome.stdout), to_text(outcome.stderr)
            time.sleep(_LOCK_PAUSE)

    def transaction(self, commands):
        """Run the commands; what changed is seen by what is installed afterwards."""
        if not commands:
            return {"changed": False, "msg": "Nothing to do", "results": self.notes, "rc": 0}
        before = {each.nevra: each for each in self.installed()}
        foretold, fetched = [], []
        for words in commands:
            rc, stdout, stderr = self.run(words)
            if self.task.check_mode and "Transaction Summary" in stdout and not errors(stderr):
                planned = plan(stdout, before.values())
                loaded = self.args["download_only"]
                foretold += [told.replace("Installed: ", "Downloaded: ") for told in planned] if loaded else planned
                continue
            if rc != 0 and not (self.task.check_mode and "Nothing to do" in stdout):
                self.failed(words, rc, stdout, stderr)
            if self.args["download_only"] and "Nothing to do" not in stdout:
                fetched += [told.replace("Installed: ", "Downloaded: ") for told in plan(stdout, ())]
        if self.task.check_mode:
            return {
                "changed": bool(foretold),
                "msg": _WOULD if foretold else "Nothing to do",
                "results": self.notes + foretold,
                "rc": 0,
            }
        after = {each.nevra: each for each in self.installed()}
        results = ["Installed: " + after[each].shown for each in sorted(set(after) - set(before))]
        results += ["Removed: " + before[each].shown for each in sorted(set(before) - set(after))]
        results = fetched or results
        changed = bool(results)
        diff = {"diff": {"prepared": "\n".join(results)}} if self.task.diff_mode and results else {}
        return dict(diff, changed=changed, msg="" if changed else "Nothing to do", results=self.notes + results, rc=0)

    def failed(self, words, rc, stdout, stderr):
        """Fail with what the program said."""
        said = stdout + stderr
        group = re.search(r"^Module or Group '(.+)' is not available", said, re.MULTILINE)
        if group:
            self.task.fail("No group {} available.".format(group.group(1)), results=[])
        unsigned = re.search(r"^Package (\S+)\.rpm is not signed|^Error: GPG check FAILED", said, re.MULTILINE)
        if unsigned:
            named = unsigned.group(1) or "what was fetched"
            reason = "Package {}.rpm is not signed".format(named) if unsigned.group(1) else "see: rpm --checksig"
            self.task.fail("Failed to validate GPG signature for {}: {}".format(named, reason))
        missing = re.findall(r"^No match for argument: (\S+)", stdout + stderr, re.MULTILINE)
        missing += re.findall(r"^No package (\S+) available", stdout + stderr, re.MULTILINE)
        failures = ["No package {} available.".format(name) for name in dict.fromkeys(missing)] or errors(stderr)
        verb = "remove" if "remove" in words else "install"
        message = "Failed to {} some of the specified packages".format(verb)
        unsolved = re.search(r"^Error:\s*\n( Problem.*?)(?:\n\(try |\Z)", stderr.rstrip(), re.MULTILINE | re.DOTALL)
        if unsolved and self.kind == "dnf":
            message, failures = "Depsolve Error occurred: \n{}".format(unsolved.group(1)), []
        elif not missing:
            message = "; ".join(failures) or "{} ended with status {}".format(self.path, rc)
        more = {"hint": "this needs root: set become: true"} if "superuser" in stderr or "be root" in stderr else {}
        self.task.fail(message, failures=failures, rc=rc, results=[], **more)

    # --- listing

    def listed(self, what):
        """Answer ``list``: installed, updates, available, repos, or a package."""
        if what in ("repos", "repositories"):
            rc, stdout, stderr = self.run(self.common() + ["repolist", "all" if self.kind == "yum" else "--all"])
            rows = [line.split() for line in stdout.splitlines()[1:] if line.split()]
            states = [
                (row[0], "enabled" if row[-1] == "enabled" or "enabled" in row[-2:] else "disabled") for row in rows
            ]
            results = [{"repoid": name, "state": state} for name, state in states]
            if rc != 0:
                self.failed([], rc, stdout, stderr)
            return {"changed": False, "msg": "", "results": results}
        choice = {"installed": ["--installed"], "available": ["--available"], "updates": ["--upgrades"]}
        choice["upgrades"] = choice["updates"]
        results = []
        if what == "installed" or what not in choice:
            found = self.installed() if what == "installed" else self.matching(what, self.installed())
            results += [self.described(each, "@System") for each in found]
        if what != "installed":
            form = "%{name}\t%{epoch}\t%{version}\t%{release}\t%{arch}\t%{repoid}" + (
                "\\n" if self.kind == "dnf5" else ""
            )
            query = choice.get(what, ["--available", what])
            rc, stdout, stderr = self.run(self.common() + ["repoquery", "--qf", form] + query)
            if rc != 0:
                self.failed([], rc, stdout, stderr)
            rows = [line.split("\t") for line in stdout.splitlines()]
            results += [self.described(Package(row[:5]), row[5]) for row in rows if len(row) == 6]
        return {"changed": False, "msg": "", "results": results}

    def described(self, package, repo):
        """A package as ``list`` returns it."""
        parts = (package.epoch, package.name, package.version, package.release, package.arch)
        envra = package.shown if self.kind == "dnf5" else "{}:{}-{}-{}.{}".format(*parts)
        return {
            "name": package.name,
            "arch": package.arch,
            "epoch": package.epoch,
            "release": package.release,
            "version": package.version,
            "repo": repo,
            "nevra": envra,
            "envra": envra,
            "yumstate": "installed" if repo == "@System" else "available",
        }


def errors(stderr):
    """The lines that say what is wrong: from "Error:" on."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    starts = [place for place, line in enumerate(lines) if line.startswith(("Error", "Failed"))]
    return lines[starts[0] :] if starts else []


def plan(stdout, packages):
    """What a transaction would do, from the table that is shown before the question.

    Args:
        packages: what is installed: an upgrade takes its place.
    """
    words = {"Installing": "Installed", "Upgrading": "Installed", "Downgrading": "Installed", "Removing": "Removed"}
    found = []
    removed = []
    replaces = False
    verb = None
    for line in stdout.splitlines():
        told = re.match(r"(\w+)(?: [\w ]+)?:\s*$", line)
        if told:
            verb = words.get(told.group(1), verb if told.group(1) in words else None)
            replaces = told.group(1) in ("Upgrading", "Downgrading")
        elif verb and re.match(r" \S+ +\S+ +\S+", line):
            name, architecture, version = line.split()[:3]
            found.append("{}: {}-{}.{}".format(verb, name, version, architecture))
            same = [each for each in packages if (each.name, each.arch) == (name, architecture)]
            removed += ["Removed: " + each.shown for each in same if replaces]
    return sorted(found) + removed or ["Transaction: see dnf"]
