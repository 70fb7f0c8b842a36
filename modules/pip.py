"""Install, upgrade and remove Python packages with pip, in a virtual environment or outside one."""

import os
import re
import shlex
import sys
import tempfile

from stella_ops.remote.lib import pip_requirements, process
from stella_ops.remote.lib.task import to_text

ARGUMENTS = {
    "name": {"type": "list", "elements": "str", "doc": "names, with versions as pip takes them, URLs or paths"},
    "version": {"type": "str", "doc": "version of the one name"},
    "requirements": {"type": "str", "doc": "path of a requirements file on the host"},
    "state": {
        "type": "str",
        "default": "present",
        "choices": ["present", "absent", "latest", "forcereinstall"],
    },
    "virtualenv": {"type": "path", "doc": "a virtual environment, made when it is not there"},
    "virtualenv_site_packages": {"type": "bool", "default": False, "doc": "let it see the system's packages"},
    "virtualenv_command": {"type": "path", "default": "virtualenv", "doc": "what makes it, as: python3 -m venv"},
    "virtualenv_python": {"type": "str", "doc": "the Python for it; not with the venv module"},
    "extra_args": {"type": "str", "doc": "further words for pip"},
    "editable": {"type": "bool", "default": False, "doc": "install as pip's -e does"},
    "chdir": {"type": "path", "doc": "folder to run pip in"},
    "executable": {"type": "path", "doc": "name or path of pip; not with virtualenv"},
    "umask": {"type": "str", "doc": "octal, in quotes"},
    "break_system_packages": {"type": "bool", "default": False, "doc": "write among the system's own packages"},
}

WORDS = {
    "present": ["install"],
    "absent": ["uninstall", "-y"],
    "latest": ["install", "-U"],
    "forcereinstall": ["install", "-U", "--force-reinstall"],
}
VCS = re.compile(r"(svn|git|hg|bzr)\+")


def run(task):
    """Return cmd, name, version, state, requirements, virtualenv, stdout and stderr."""
    return Pip(task).manage()


class Pip(object):
    """One task's work."""

    def __init__(self, task):
        self.task = task
        self.args = task.args
        self.out = self.err = ""
        self.environment = {"LC_ALL": "C.UTF-8", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        if self.args["break_system_packages"]:
            self.environment["PIP_BREAK_SYSTEM_PACKAGES"] = "1"  # unlike the option, older ones pass it over
        # The folder we are in may be closed to the user that the task becomes.
        self.folder = self.args["chdir"] or tempfile.gettempdir()
        self.env = self.args["virtualenv"]
        if self.env:
            self.env = os.path.join(self.args["chdir"] or os.getcwd(), self.env)

    def manage(self):
        """Check, make the environment, run pip."""
        args = self.args
        wanted = self.check()
        made = bool(self.env) and not os.path.exists(os.path.join(self.env, "bin", "activate"))
        if made:
            if self.task.check_mode:
                return {"changed": True}
            self.make_environment()
        pip = self.find_pip()
        if self.env:
            self.environment["VIRTUAL_ENV"] = self.env
            self.environment["PATH"] = os.path.join(self.env, "bin") + os.pathsep + os.environ.get("PATH", "")
        extra = shlex.split(args["extra_args"] or "")
        if args["editable"] and "-e" not in extra:
            extra.append("-e")
        words = pip + WORDS[args["state"]] + extra
        words += [each.text for each in wanted] if wanted else ["-r", args["requirements"]]
        if self.task.check_mode:
            return self.foretold(pip, wanted, words)
        by_list = bool(args["requirements"]) or any(VCS.match(each.text) for each in wanted)
        before = self.installed(pip) if by_list else None
        rc, stdout, stderr = self.run(words)
        gone = args["state"] == "absent"
        if rc != 0 and not (gone and rc == 1 and "not installed" in stdout + stderr):
            self.fail(words)
        if gone:
            changed = "Successfully uninstalled" in stdout
        elif by_list:
            changed = before != self.installed(pip)
        else:
            changed = "Successfully installed" in stdout
        return self.answer(changed or made, words)

    def check(self):
        """Refuse what contradicts itself; the requirements that are named."""
        args, fail = self.args, self.task.fail
        if args["name"] is None and not args["requirements"]:
            fail("one of the following is required: name, requirements")
        for one, other in (("name", "requirements"), ("executable", "virtualenv")):
            if args[one] and args[other]:
                fail("parameters are mutually exclusive: {}|{}".format(one, other))
        if args["state"] == "latest" and args["version"] is not None:
            fail("version is incompatible with state=latest")
        if args["umask"] is not None:
            if not re.match(r"^(0o)?[0-7]{1,4}$", args["umask"]):
                fail("umask must be an octal integer")
            os.umask(int(args["umask"], 8))
        texts = pip_requirements.joined(args["name"] or [])
        if not texts and not args["requirements"]:
            fail("name is empty: there is nothing to install")
        for text in texts:
            if text.strip().startswith("-"):
                fail("'{}' is no package; options go into extra_args".format(text))
        wanted = [pip_requirements.Requirement(text) for text in texts]
        if args["version"] is not None and wanted:
            if len(wanted) > 1:
                fail(
                    "'version' argument is ambiguous when installing multiple package distributions. Please specify "
                    "version restrictions next to each package in 'name' argument."
                )
            if wanted[0].clauses:
                fail(
                    "The 'version' argument conflicts with any version specifier provided along with a package name. "
                    "Please keep the version specifier, but remove the 'version' argument."
                )
            version = args["version"].strip()
            between = "" if re.match(r"[<>=!~]", version) else "=="
            wanted = [pip_requirements.Requirement(wanted[0].text + between + version)]
        return wanted

    # --- the programs

    def run(self, words):
        """Run a program; what it says is kept for the result."""
        try:
            outcome = process.run(words, cwd=self.folder, environment=self.environment)
        except OSError as error:
            self.task.fail("cannot run {}: {}".format(words[0], error.strerror), cmd=words)
        stdout, stderr = to_text(outcome.stdout), to_text(outcome.stderr)
        self.out += stdout
        self.err += stderr
        return outcome.rc, stdout, stderr

    def make_environment(self):
        """Make the virtual environment."""
        args = self.args
        words = shlex.split(args["virtualenv_command"])
        path = words[0] if os.path.sep in words[0] else process.find(words[0])
        if path is None and words == ["virtualenv"] and not args["virtualenv_python"]:
            self.task.warn("this host has no virtualenv; '{} -m venv' is used".format(sys.executable))
            path, words = sys.executable, [sys.executable, "-m", "venv"]
        if path is None:
            hint = "install it, or set virtualenv_command: python3 -m venv"
            self.task.fail(process.lacking(words[0]), hint=hint)
        is_venv = os.path.basename(path) == "pyvenv" or "venv" in words[1:]
        words[0] = path
        if args["virtualenv_site_packages"]:
            words.append("--system-site-packages")
        if is_venv and args["virtualenv_python"]:
            self.task.fail(
                "virtualenv_python should not be used when using the venv module or pyvenv as virtualenv_command"
            )
        if not is_venv:
            words.append("-p" + (args["virtualenv_python"] or sys.executable))
        words.append(self.env)
        if self.run(words)[0] != 0:
            self.fail(words)

    def find_pip(self):
        """The words that run pip."""
        executable = self.args["executable"]
        if self.env:
            for name in ("pip3", "pip"):
                path = os.path.join(self.env, "bin", name)
                if os.access(path, os.X_OK):
                    return [path]
            self.task.fail(
                "Unable to find pip in the virtualenv, {}, under any of these names: pip3, pip. Make sure pip is "
                "present in the virtualenv.".format(self.env)
            )
        if executable is None:
            # Python's own, whose virtual environment it may be; the runner itself sees nothing that is installed.
            asked = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pip') is None)"
            if process.run([sys.executable, "-c", asked], environment=self.environment).rc == 0:
                return [sys.executable, "-m", "pip"]
        elif os.path.isabs(executable):
            return [executable]
        name = executable or "pip3"
        path = process.find(name)
        if path is None:
            message = "Unable to find any of {} to use.  pip needs to be installed.".format(name)
            self.task.fail(message, hint="install it first: package: name=python3-pip")
        return [path]

    def installed(self, pip):
        """What pip lists, one ``name==version`` a line."""
        for words in (["list", "--format=freeze"], ["freeze"]):
            outcome = process.run(pip + words, cwd=self.folder, environment=self.environment)
            if outcome.rc == 0:
                return to_text(outcome.stdout)
        return self.task.fail("pip cannot list what is installed: {}".format(to_text(outcome.stderr).strip()))

    # --- answers

    def foretold(self, pip, wanted, words):
        """Check mode: only named packages can be compared with what is there."""
        args = self.args
        if args["extra_args"] or args["editable"] or args["requirements"] or args["state"] == "latest":
            return self.answer(True, words)
        listed = self.installed(pip)
        there = {}
        for line in listed.splitlines():
            name, mark, version = line.partition("==")
            if mark:
                there[pip_requirements.normal(name)] = version.strip()
        present = [each.name in there and each.is_met_by(there[each.name]) for each in wanted]
        changed = args["state"] == "forcereinstall"
        changed = changed or (any(present) if args["state"] == "absent" else not all(present))
        self.out += listed
        return self.answer(changed, words)

    def answer(self, changed, words):
        """The result."""
        result = {"changed": changed, "cmd": words, "virtualenv": self.env, "stdout": self.out, "stderr": self.err}
        result.update({name: self.args[name] for name in ("name", "version", "state", "requirements")})
        result.update({stream + "_lines": result[stream].splitlines() for stream in ("stdout", "stderr")})
        return result

    def fail(self, words):
        """Fail with what pip said."""
        message = "stdout: {}".format(self.out) if self.out else ""
        message += "\n:stderr: {}".format(self.err) if self.err else ""
        more = {}
        if "externally-managed-environment" in self.err:
            more["hint"] = "give virtualenv; or set break_system_packages: true, which can break the system's programs"
        self.task.fail(message, cmd=words, **more)
