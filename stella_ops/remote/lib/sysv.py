"""Services of hosts without systemd: init scripts of System V, and OpenRC."""

import glob
import os
import re
import time

from stella_ops.remote.lib import process, programs

FOLDER = "/etc/init.d"


def has_openrc():
    """True when OpenRC runs this host."""
    return os.path.isdir("/run/openrc") and process.find("rc-service") is not None


class Script(object):
    """A script in /etc/init.d.

    Args:
        name: its file's name.
        arguments: further words for it, as text.
        pattern: text of the process list that says that it runs; None to ask the script.
        pause: seconds between stop and start of a restart; None for none.
    """

    def __init__(self, task, name, arguments="", pattern=None, pause=None):
        self.task, self.name, self.pattern, self.pause = task, name, pattern, pause
        self.path = os.path.join(FOLDER, name)
        self.arguments = arguments.split()
        if not os.path.exists(self.path):
            task.fail("Could not find the requested service {}: host".format(name))

    def is_enabled(self):
        """True when a runlevel that users work in starts it."""
        return bool(glob.glob("/etc/rc[2345].d/S??" + glob.escape(self.name)))

    def enable(self, wanted):
        """With the host's own tool."""
        for tool, words in (
            ("update-rc.d", [self.name, "enable" if wanted else "disable"]),
            ("chkconfig", [self.name, "on" if wanted else "off"]),
        ):
            program = process.find(tool)
            if program is None:
                continue
            if tool == "update-rc.d":
                programs.do(self.task, [program, self.name, "defaults"], name=self.name)
            else:
                programs.call(self.task, [program, "--add", self.name])
            programs.do(self.task, [program] + words, name=self.name)
            return
        self.task.fail("this host has no tool to enable {}: neither update-rc.d nor chkconfig".format(self.name))

    def is_running(self):
        """By the process list where there is a pattern, else by the script's own status; None when it cannot say."""
        if self.pattern is not None:
            return any(self.pattern in line for line in command_lines())
        said = programs.call(self.task, [self.path, "status"] + self.arguments)
        # LSB 20.2: 0 it runs, 1 to 3 it does not.
        if said.rc in (1, 2, 3):
            return False
        text = said.stdout.lower()
        if said.rc == 0:
            return not re.search(r"\b(not running|stopped|is dead|inactive)\b", text)
        if "usage" in (text + said.stderr.lower()):
            return None
        return None

    def act(self, verb):
        """Call the script; of a restart, its start counts: not every script knows the word."""
        if verb == "restart":
            programs.call(self.task, [self.path, "stop"] + self.arguments)
            time.sleep(self.pause or 0)
            verb = "start"
        programs.do(self.task, [self.path, verb] + self.arguments, name=self.name)


class OpenRC(object):
    """A service of OpenRC: rc-service(8), rc-update(8)."""

    def __init__(self, task, name, runlevel="default", arguments=""):
        self.task, self.name, self.runlevel = task, name, runlevel
        self.arguments = arguments.split()
        self.tool = programs.need(task, "rc-service")
        if programs.call(task, [self.tool, "--exists", name]).rc != 0:
            task.fail("Could not find the requested service {}: host".format(name))

    def is_enabled(self):
        """True when the runlevel has it."""
        return os.path.lexists(os.path.join("/etc/runlevels", self.runlevel, self.name))

    def enable(self, wanted):
        """Add it to the runlevel, or take it out."""
        words = ["add" if wanted else "delete", self.name, self.runlevel]
        programs.do(self.task, [programs.need(self.task, "rc-update")] + words, name=self.name)

    def is_running(self):
        """What the service says of itself."""
        return programs.call(self.task, [self.tool, self.name, "status"]).rc == 0

    def act(self, verb):
        """Do it."""
        programs.do(self.task, [self.tool, self.name, verb] + self.arguments, name=self.name)


def command_lines():
    """The command lines of all processes but our own."""
    found = []
    for folder in glob.glob("/proc/[0-9]*"):
        if os.path.basename(folder) == str(os.getpid()):
            continue
        try:
            with open(folder + "/cmdline", "rb") as source:
                found.append(source.read().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return found
