"""Install, upgrade and remove Debian's packages, and update their lists.

Works by apt-get, apt-cache and dpkg-query alone; python3-apt is neither needed nor installed.
"""

import fnmatch
import os
import re
import time

from stella_ops.remote.lib import apt_lists, debian, service_starts

ARGUMENTS = {
    "package": {
        "type": "list",
        "elements": "str",
        "aliases": ["pkg", "name"],
        "doc": "names; name=1.2, name=1.2*, name>=1.2 and wildcards in names are understood",
    },
    "state": {
        "type": "str",
        "default": "present",
        "choices": ["absent", "build-dep", "fixed", "latest", "present"],
        "doc": "build-dep installs what is needed to build, fixed repairs broken dependencies",
    },
    "update_cache": {"type": "bool", "aliases": ["update-cache"], "doc": "update the package lists before"},
    "update_cache_retries": {"type": "int", "default": 5, "doc": "how often a failed update is tried"},
    "update_cache_retry_max_delay": {"type": "int", "default": 12, "doc": "longest pause between tries, in seconds"},
    "cache_valid_time": {"type": "int", "default": 0, "doc": "lists younger than this many seconds are not updated"},
    "purge": {"type": "bool", "default": False, "doc": "remove configuration files, too"},
    "deb": {"type": "path", "doc": "path of a .deb file on the host, several with commas between, or a URL"},
    "default_release": {"type": "str", "aliases": ["default-release"], "doc": "release to install from, as apt-get -t"},
    "install_recommends": {"type": "bool", "aliases": ["install-recommends"], "doc": "default: as the host is set"},
    "force": {
        "type": "bool",
        "default": False,
        "doc": "allow unauthenticated, downgraded, held and essential packages",
    },
    "upgrade": {
        "type": "str",
        "choices": ["dist", "full", "no", "safe", "yes"],
        "default": "no",
        "doc": "upgrade all packages; dist and full may remove some",
    },
    "dpkg_options": {"type": "str", "default": "force-confdef,force-confold", "doc": "options of dpkg, with commas"},
    "autoremove": {"type": "bool", "default": False, "doc": "remove what nothing depends on any more"},
    "autoclean": {"type": "bool", "default": False, "doc": "delete package files that can no longer be downloaded"},
    "fail_on_autoremove": {"type": "bool", "default": False, "doc": "fail when a package would have to be removed"},
    "policy_rc_d": {"type": "int", "doc": "exit status of /usr/sbin/policy-rc.d meanwhile; 101 starts no service"},
    "only_upgrade": {"type": "bool", "default": False, "doc": "leave packages alone that are not installed"},
    "force_apt_get": {"type": "bool", "default": False, "doc": "do not use aptitude for upgrades"},
    "clean": {"type": "bool", "default": False, "doc": "delete all downloaded package files first"},
    "allow_unauthenticated": {"type": "bool", "default": False, "aliases": ["allow-unauthenticated"]},
    "allow_downgrade": {
        "type": "bool",
        "default": False,
        "aliases": ["allow-downgrade", "allow_downgrades", "allow-downgrades"],
    },
    "allow_change_held_packages": {"type": "bool", "default": False},
    "lock_timeout": {"type": "int", "default": 60, "doc": "seconds to wait for another program's lock"},
    "auto_install_module_deps": {"type": "bool", "default": True, "doc": "accepted; there is nothing to install"},
}

NOTHING = re.compile(r"^0 (packages )?upgraded, 0 newly installed, (0 reinstalled, )?0 to remove", re.MULTILINE)
UNFINISHED = "not fully installed or removed"
SPEC = re.compile(r"(>?=)")
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9+._-]*(:[A-Za-z0-9-]+)?$")


def run(task):
    """Return cache_updated, cache_update_time, and apt-get's stdout and stderr where it ran."""
    return Packages(task).manage()


class Packages(object):
    """One task's work on a host's packages."""

    def __init__(self, task):
        self.task = task
        self.args = task.args
        self.deadline = time.monotonic() + self.args["lock_timeout"]
        self.cache = {}

    def manage(self):
        """Do what is asked, in ansible-core's order: clean, update, upgrade, deb files, packages."""
        args = self.args
        names = [name.strip() for name in args["package"] or []]
        self.check(names)
        results = []
        by_name = False  # ansible-core tells of the lists where it installs by name, or updates them alone
        if args["clean"]:
            results.append(self.clean())
        if args["update_cache"] or args["cache_valid_time"]:
            self.update()
        if args["upgrade"] != "no":
            results.append(self.upgrade(args["upgrade"]))
        elif args["deb"]:
            results.append(self.install_files())
        elif "*" in names and args["state"] == "latest":
            results.append(self.upgrade("yes"))
        else:
            names = [name for name in names if name != "*"]
            if not names:
                results += [self.tidy(word) for word in ("autoclean", "autoremove") if args[word]]
            if names and args["state"] == "absent":
                results.append(self.remove(names))
            elif names or args["state"] == "fixed":
                by_name = True
                self.cache = self.cache or {"cache_updated": False, "cache_update_time": debian.lists_time()}
                results.append(self.install(names))
        result = self.together(results)
        if by_name or not results:
            result.update(self.cache or {"cache_updated": False, "cache_update_time": debian.lists_time()})
        return result

    def check(self, names):
        """Refuse what contradicts itself."""
        args = self.args
        asked = [bool(args["deb"]), bool(args["package"]), args["upgrade"] != "no"]
        if sum(asked) > 1:
            self.task.fail("parameters are mutually exclusive: deb|package|upgrade")
        if args["deb"] and args["state"] != "present":
            self.task.fail("deb only supports state=present")
        if "*" in names and args["state"] == "latest" and len(set(names)) > 1:
            self.task.fail("unable to install additional packages when upgrading all installed packages")
        for name in names:
            if name.count("=") > 1:
                self.task.fail("invalid package spec: {}".format(name))
            if not NAME.match(re.sub(r"[*?!\[\]]", "x", split(name)[0])):
                self.task.fail("No package matching '{}' is available".format(name), "this is no package name")

    def together(self, results):
        """One result of all that was done."""
        result = {"changed": self.cache.get("cache_updated", False) and not results}
        for one in results:
            result["changed"] = result["changed"] or one["changed"]
            for stream in ("stdout", "stderr"):
                if stream in one:
                    result[stream] = result.get(stream, "") + one[stream]
            for key in ("msg", "diff"):
                if key in one:
                    result[key] = one[key]
        for stream in ("stdout", "stderr"):
            if stream in result:
                result[stream + "_lines"] = result[stream].splitlines()
        return result

    # --- the lists

    def update(self):
        """Update the package lists unless they are young enough."""
        before = debian.lists_time()
        if before + self.args["cache_valid_time"] >= time.time():
            self.cache = {"cache_updated": False, "cache_update_time": before}
            return
        if not self.task.check_mode:
            self.fetch_lists()
        after = debian.lists_time()
        self.cache = {"cache_updated": self.task.check_mode or after != before, "cache_update_time": after}

    def fetch_lists(self):
        """apt-get update, tried as often as asked; an index that cannot be fetched is a failure."""
        args = self.args
        longest = args["update_cache_retry_max_delay"]
        found = apt_lists.update(self.task, args["update_cache_retries"], longest, self.deadline)
        if found is not None:
            self.fail(*found)

    def clean(self):
        """Delete the downloaded package files."""
        if self.task.check_mode:
            return {"changed": True, "stdout": "", "stderr": "", "msg": ""}
        said = debian.run_locking([debian.program("apt-get"), "clean"], self.deadline)
        if said.rc != 0 or said.stderr:
            self.fail("apt-get clean failed: {}".format(said.stderr.strip()), said)
        return {"changed": True, "stdout": said.stdout, "stderr": said.stderr, "msg": said.stdout}

    # --- what apt-get does

    def words(self, *options):
        """The words of an apt-get command before its verb."""
        args = self.args
        words = [debian.program("apt-get"), "-y"]
        for option in args["dpkg_options"].split(","):
            if option.strip():
                words += ["-o", "Dpkg::Options::=--" + option.strip()]
        words += ["-o", "DPkg::Lock::Timeout={}".format(args["lock_timeout"])]
        if self.task.check_mode:
            words.append("--simulate")
        if args["force"]:
            words += ["--allow-unauthenticated", "--allow-downgrades", "--allow-remove-essential"]
            words.append("--allow-change-held-packages")
        allowed = (
            ("autoremove", "--auto-remove"),
            ("fail_on_autoremove", "--no-remove"),
            ("only_upgrade", "--only-upgrade"),
            ("allow_unauthenticated", "--allow-unauthenticated"),
            ("allow_downgrade", "--allow-downgrades"),
            ("allow_change_held_packages", "--allow-change-held-packages"),
            ("purge", "--purge"),
        )
        words += [option for name, option in allowed if args[name] and option in options and option not in words]
        if args["default_release"] and "-t" in options:
            words += ["-t", args["default_release"]]
        if args["install_recommends"] is not None and "-t" in options:
            words += ["-o", "APT::Install-Recommends={}".format("yes" if args["install_recommends"] else "no")]
        return words

    def do(self, words, what=None):
        """Run apt-get (or aptitude); its result."""
        with service_starts.answered(None if self.task.check_mode else self.args["policy_rc_d"]):
            said = debian.run_locking(words, self.deadline)
        if said.rc != 0:
            self.fail("'{}' failed: {}".format(what or debian.say(words), said.stderr.strip()), said)
        done = not NOTHING.search(said.stdout) or UNFINISHED in said.stdout
        result = {"changed": done, "stdout": said.stdout, "stderr": said.stderr}
        result["diff"] = debian.plan_of(said.stdout) if self.task.diff_mode else {}
        return result

    def fail(self, msg, said, hint=None):
        """Fail with what a program said."""
        more = {"rc": said.rc, "stdout": said.stdout, "stderr": said.stderr}
        more.update({name + "_lines": more[name].splitlines() for name in ("stdout", "stderr")})
        hint = hint or debian.hint_for(said.stderr)
        if hint:
            more["hint"] = hint
        self.task.fail(msg, **dict(more, **self.cache))

    def upgrade(self, mode):
        """Upgrade all packages."""
        aptitude = None if self.args["force_apt_get"] or mode == "dist" else debian.process.find("aptitude")
        if aptitude is None:
            words = self.words("--auto-remove", "--no-remove", "--allow-unauthenticated", "--allow-downgrades", "-t")
            words += ["dist-upgrade"] if mode in ("dist", "full") else ["upgrade", "--with-new-pkgs"]
        else:
            for name in ("fail_on_autoremove", "allow_downgrade"):
                if self.args[name]:
                    self.task.warn("aptitude ignores {}; set force_apt_get: true".format(name))
            words = [aptitude, "-y"] + self.words("-t")[2:]
            words = [word for word in words if not word.startswith("--allow-")]
            if self.args["force"] or self.args["allow_unauthenticated"]:
                words.append("--allow-untrusted")
            words.append("full-upgrade" if mode == "full" else "safe-upgrade")
        result = self.do(words, "{} {}".format(words[0], words[-1] if aptitude else words[-2]))
        result["msg"] = result["stdout"]
        if not result["changed"]:
            result.pop("diff")
        return result

    def tidy(self, verb):
        """autoremove or autoclean."""
        result = self.do(self.words("--purge") + [verb], "apt-get {}".format(verb))
        marks = {"autoremove": "The following packages will be REMOVED", "autoclean": "Del "}
        result["changed"] = marks[verb] in result["stdout"]
        return result

    # --- packages by name

    def expanded(self, names):
        """Names with those that are patterns replaced by what they match."""
        found = []
        for name in names:
            pattern = split(name)[0]
            if not set("*?[]!") & set(pattern):
                found.append(name)
                continue
            matches = debian.expand(pattern)
            if not matches:
                self.task.fail("No package(s) matching '{}' available".format(pattern))
            found += matches
        return list(dict.fromkeys(found))

    def install(self, names):
        """Install, or bring to the version asked for, what is not there yet."""
        state = self.args["state"]
        options = ["--only-upgrade", "--auto-remove", "--no-remove", "--allow-unauthenticated", "--allow-downgrades"]
        words = self.words("--allow-change-held-packages", "-t", *options)
        if state == "build-dep":
            return self.do(words + ["build-dep", "--"] + self.expanded(names))
        if state == "fixed":
            words.append("--fix-broken")
        names = self.expanded(names)
        wanted = [one for one in (self.wanted(name) for name in names) if one]
        result = {"changed": False}
        if wanted or (state == "fixed" and not names):
            result = self.do(words + ["install", "--"] + wanted)
        if not self.task.check_mode:
            self.mark_manual(names)
        return result

    def wanted(self, spec):
        """What apt-get is to install for a package: name=version, a virtual name, or None for nothing."""
        name, relation, version = split(spec)
        status = self.status(name)
        latest = self.args["state"] == "latest"
        if status is not None and status.installed and relation is None and not latest:
            return None
        policy = self.policy(name)
        if policy is None or not policy.versions:
            return self.virtual(name, spec)
        installed = status.version if status is not None and status.installed else None
        if installed is None and self.args["only_upgrade"]:
            return None
        best = best_version(policy, relation, version)
        fits = installed is not None and matches(installed, relation, version)
        if best is None and not fits:
            self.task.fail("no available installation candidate for {}".format(spec), **self.cache)
        if best is None or best == installed:
            return None
        if installed is None or latest or not fits or relation == "=":
            return "{}={}".format(name, best)
        return None

    def virtual(self, name, spec):
        """A name without versions of its own: something else provides it, or nothing does."""
        others = debian.providers(name)
        if not others:
            self.task.fail("No package matching '{}' is available".format(name))
        known = debian.statuses(others)
        if any(other in known and known[other].installed for other in others):
            return None
        return None if self.args["only_upgrade"] else spec

    def status(self, name):
        """What dpkg knows of a package; all names of the task are asked for at once."""
        if not hasattr(self, "known"):
            names = self.expanded([each.strip() for each in self.args["package"] or [] if each.strip() != "*"])
            self.known = debian.statuses(split(each)[0] for each in names)
        return self.known.get(name)

    def policy(self, name):
        """What apt knows of a package; all names that are not simply there are asked for at once."""
        if not hasattr(self, "offers"):
            names = self.expanded([each.strip() for each in self.args["package"] or [] if each.strip() != "*"])
            self.offers = debian.policies([split(each)[0] for each in names], self.args["default_release"])
        if name not in self.offers and ":" in name and name.endswith(":" + debian.native_architecture()):
            return self.offers.get(name.rpartition(":")[0])
        return self.offers.get(name)

    def mark_manual(self, names):
        """Have autoremove leave alone what was asked for by name."""
        there = debian.statuses(split(name)[0] for name in names) if names else {}
        named = [split(name)[0] for name in names]
        named = [name for name in named if name in there and there[name].installed]
        path = debian.process.find("apt-mark")
        if path is None or not named:
            return
        automatic = set(debian.run([path, "showauto", "--"] + named).stdout.split())
        if not automatic:
            return
        said = debian.run_locking([path, "manual", "--"] + named, self.deadline)
        if said.rc != 0:
            self.fail("'{}' failed: {}".format(debian.say([path, "manual"] + named), said.stderr.strip()), said)

    def remove(self, names):
        """Remove what is there; with purge also the files that an earlier removal left."""
        gone = []
        for spec in self.expanded(names):
            name, relation, version = split(spec)
            status = self.status(name)
            if status is None:
                continue
            fits = status.installed and matches(status.version, relation, version)
            if fits or (status.leftovers and self.args["purge"]):
                gone.append(name)
        if not gone:
            return {"changed": False}
        words = self.words("--purge", "--auto-remove", "--allow-change-held-packages")
        result = self.do(words + ["-q", "remove", "--"] + gone, "apt-get remove {}".format(" ".join(gone)))
        result["changed"] = True
        return result

    # --- packages by file

    def install_files(self):
        """Install .deb files; apt-get gets what they depend on."""
        import tempfile

        from stella_ops.remote.lib import downloads

        with tempfile.TemporaryDirectory(prefix="stella-deb-") as folder:
            os.chmod(folder, 0o755)  # apt reads it as another user, too
            paths = []
            given = self.args["deb"]
            for place, path in enumerate([given] if "://" in given else given.split(",")):
                if "://" in path:
                    kept = os.path.join(folder, "{}-{}".format(place, downloads.base_name(path) or "package"))
                    kept += "" if kept.endswith(".deb") else ".deb"
                    downloads.fetch(path, kept, failure="Failure downloading {url}, {why}")
                    path = kept
                path = os.path.abspath(path.strip())
                if not os.path.isfile(path):
                    text = "Unable to install package: E:Could not open file {} - open (2: No such file or directory)"
                    self.task.fail(text.format(path))
                if self.is_newer(path, folder):
                    paths.append(path if path.endswith(".deb") else link(path, folder, place))
            if not paths:
                return {"changed": False, "stdout": "", "stderr": ""}
            options = ("--no-remove", "--allow-unauthenticated", "--allow-downgrades", "--allow-change-held-packages")
            result = self.do(self.words("-t", *options) + ["install", "--"] + paths)
            result["changed"] = True
            return result

    def is_newer(self, path, folder):
        """Whether a file holds another version than the one that is installed."""
        name, version, architecture = debian.control_fields(path, "Package", "Version", "Architecture")
        known = debian.statuses([name])
        status = known.get("{}:{}".format(name, architecture)) or known.get(name)
        if status is None or not status.installed:
            return True
        if debian.compare(version, "eq", status.version):
            return False
        if debian.compare(version, "lt", status.version) and not (self.args["allow_downgrade"] or self.args["force"]):
            self.task.fail(
                "A later version is already installed: {} {} (the file has {})".format(name, status.version, version),
                hint="set allow_downgrade: true",
            )
        return True


def link(path, folder, place):
    """A name that ends with .deb for a file, which apt-get insists on."""
    name = os.path.join(folder, "{}-file.deb".format(place))
    os.symlink(path, name)
    return name


def split(spec):
    """``name``, ``=`` or ``>=`` or None, and the version."""
    parts = SPEC.split(spec, maxsplit=1)
    return tuple(part.strip() for part in parts) if len(parts) == 3 else (spec.strip(), None, None)


def matches(installed, relation, version):
    """Whether a version is one that was asked for."""
    if relation == "=":
        return fnmatch.fnmatchcase(installed, version)
    return relation is None or debian.compare(installed, "ge", version)


def best_version(policy, relation, version):
    """What of a package is to be installed; None when nothing fits."""
    if relation == "=":
        fitting = [each for each in policy.versions if fnmatch.fnmatchcase(each, version)]
        return (fitting or [None])[0]
    if relation == ">=" and policy.candidate is not None and not debian.compare(policy.candidate, "ge", version):
        return None
    return policy.candidate
