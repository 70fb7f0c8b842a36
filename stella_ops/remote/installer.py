"""What ``install.sh`` does by Python: the script carries this file and the modules that a push runs on the host.

So an agent that a script installed and one that a controller installed have the same files, and each can upgrade
or remove the other's. All of it lives in the memory of one ``python -I -c`` with its source on standard input.

    state    tell the script how things stand, as lines NAME=VALUE
    fetch    download a file where there is neither curl nor wget
    check    compare a file's size and SHA-256
    install  put the package in place; with --start it counts only when the agent gets healthy
    start    start the agent and wait until it is healthy
    remove   stop the agent and remove it

Exit status: 0 done, else what ``install.sh`` documents (``EXIT_*`` here).
"""

import argparse
import hashlib
import os
import shutil
import stat
import sys

# What the script carries; on a controller they lie in modules/.
import agent_install  # type: ignore[import-not-found]
import agent_remove  # type: ignore[import-not-found]
import agent_service  # type: ignore[import-not-found]

from stella_ops.remote.lib import agent_host
from stella_ops.remote.lib.layout import SERVICE_USER

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_HOST = 3
EXIT_DOWNLOAD = 4
EXIT_DAMAGED = 5
EXIT_UNHEALTHY = 7
EXIT_SERVER_UNTRUSTED = 60  # curl's own number for it
EXIT_REFUSED_BY_SERVER = 22  # curl's own number for an HTTP status of 400 and above

UNIT = globals().get("UNIT", "")  # the unit's text, which the script puts here

WORK_PREFIX = "stella-install."
_FETCH_TIMEOUT = 30  # seconds without a byte


class Failure(Exception):
    """Ends a command; ``status`` is the exit status, ``hint`` says what to do."""

    def __init__(self, message, hint=None, status=EXIT_FAILED):
        Exception.__init__(self, message)
        self.hint = hint
        self.status = status


class Task(object):
    """What a module's ``run`` is given, here without a controller."""

    def __init__(self, args, check_mode=False, content=None):
        self.args = args
        self.check_mode = check_mode
        self.diff_mode = False
        self.content = content

    def warn(self, message):
        say(message)

    def fail(self, message, hint=None, **_more):
        raise Failure(message, hint)


def say(message):
    sys.stderr.write("stella-agent install: %s\n" % message)
    sys.stderr.flush()


def state(options):
    """Print ``home``, ``version`` (empty when none), ``package`` (present, missing) and ``enrolled`` (yes, no)."""
    task = Task({"prefix": options.prefix})
    try:
        layout = agent_host.layout_for(task)
    except Failure as failure:
        failure.status = EXIT_USAGE
        raise
    if layout.is_system and os.geteuid() != 0:
        raise Failure(
            "an agent is installed at %s, and changing it needs root" % layout.home,
            "run this with sudo; or give --prefix for a second agent of your own",
            EXIT_HOST,
        )
    _sweep(options.temporary)
    installed = os.path.basename(os.readlink(layout.current)) if os.path.islink(layout.current) else ""
    package = os.path.join(layout.versions, options.version, os.path.basename(layout.package))
    data = agent_host.read_agents_file(package)
    present = data is not None and hashlib.sha256(data).hexdigest() == options.sha256
    sys.stdout.write("home=%s\n" % layout.home)
    sys.stdout.write("version=%s\n" % installed)
    sys.stdout.write("package=%s\n" % ("present" if present else "missing"))
    sys.stdout.write("enrolled=%s\n" % ("yes" if _is_enrolled(layout) else "no"))
    return 0


def _is_enrolled(layout):
    """Whether an enrolment came to its end; the configuration is the last that it writes."""
    config = agent_host.read_state(layout.config) or {}
    return os.path.isfile(layout.key) and os.path.isfile(layout.certificate) and bool(config.get("agent_id"))


def _sweep(temporary):
    """Remove the work folders of this user's installs that were killed: named by the pid of their shell."""
    for name in os.listdir(temporary):
        path = os.path.join(temporary, name)
        pid = name[len(WORK_PREFIX) :].split(".")[0]
        if not name.startswith(WORK_PREFIX) or not pid.isdigit():
            continue
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            about = os.lstat(path)
            if about.st_uid == os.geteuid() and stat.S_ISDIR(about.st_mode):
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            pass  # another user's process


def fetch(options):
    """Download ``--url`` to ``--file``; ``--ca`` is the only trust."""
    import ssl
    import urllib.error
    import urllib.request

    context = ssl.create_default_context(cafile=options.ca)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(options.url, timeout=_FETCH_TIMEOUT) as response, open(options.file, "wb") as stream:
            shutil.copyfileobj(response, stream)
    except urllib.error.HTTPError as problem:
        raise Failure("the server answered %d %s" % (problem.code, problem.reason), status=EXIT_REFUSED_BY_SERVER)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "reason", problem)
        # SSLCertVerificationError is new in Python 3.7.
        untrusted = isinstance(reason, ssl.CertificateError) or "CERTIFICATE_VERIFY_FAILED" in str(reason)
        raise Failure(str(reason), status=EXIT_SERVER_UNTRUSTED if untrusted else EXIT_DOWNLOAD)
    return 0


def check(options):
    """Compare a file with what is wanted."""
    size, digest = 0, hashlib.sha256()
    with open(options.file, "rb") as stream:
        for part in iter(lambda: stream.read(65536), b""):
            size += len(part)
            digest.update(part)
    if size != options.size or digest.hexdigest() != options.sha256:
        raise Failure(
            "the package is not what it should be: %d bytes with SHA-256 %s, expected %d bytes with %s"
            % (size, digest.hexdigest(), options.size, options.sha256),
            "run again; if it stays so, build the package anew on the orchestrator",
            EXIT_DAMAGED,
        )
    return 0


def install(options):
    """Install; when ``--start`` is given and the agent does not get healthy, the version before runs again."""
    unit = UNIT.replace("@PYTHON@", options.python)
    args = {
        "prefix": options.prefix,
        "version": options.version,
        "sha256": options.sha256,
        "size": options.size,
        "python": options.python,
        "user": SERVICE_USER,
        "unit": unit,
    }
    started = []

    def bring_up():
        started.append(True)
        _start(options)

    content = open(options.file, "rb") if options.file else None
    layout = agent_host.layout_for(Task(args))
    before = os.path.basename(os.readlink(layout.current)) if os.path.islink(layout.current) else None
    try:
        result = agent_install.install(
            Task(args, options.check, content), bring_up if options.start and not options.check else None
        )
    except Failure as failure:
        if started and before:
            _return_to(options, before, failure)
        raise
    finally:
        if content:
            content.close()
    if result["need_content"]:
        raise Failure("the package of version %s went away meanwhile" % options.version, "run again")
    if options.check:
        for action in result["actions"]:
            say("would %s" % action)
    return 0


def _return_to(options, version, failure):
    """The files are those of before again: have them run."""
    layout = agent_host.layout_for(Task({"prefix": options.prefix}))
    if agent_host.uses_systemd(layout):
        agent_host.run_command(["systemctl", "daemon-reload"])
    failure.status = EXIT_UNHEALTHY
    try:
        agent_service.run(Task(_service_args(options, "restarted")))
    except Failure as second:
        raise Failure(
            "%s Version %s was put back and does not get healthy either: %s" % (failure, version, second),
            second.hint,
            EXIT_UNHEALTHY,
        )
    failure.args = ("%s Version %s was put back and runs." % (failure, version),)


def start(options):
    """Start the agent, also after a boot, and wait until it is healthy."""
    _start(options)
    return 0


def _start(options):
    say("starting the agent")
    try:
        result = agent_service.run(Task(_service_args(options, "started")))
    except Failure as failure:
        failure.status = EXIT_UNHEALTHY
        raise
    beat = result.get("heartbeat") or {}
    say("the agent runs (process %s), its first heartbeat says: %s" % (result["pid"], beat.get("status", "nothing")))


def _service_args(options, state_wanted):
    systemd = agent_host.uses_systemd(agent_host.layout_for(Task({"prefix": options.prefix})))
    # Elsewhere nothing can be done for the next boot, and agent_service would only say so.
    return {
        "prefix": options.prefix,
        "state": state_wanted,
        "enabled": True if systemd else None,
        "wait": options.wait,
    }


def remove(options):
    """Remove the agent; with ``--keep-identity`` its configuration, key and data stay."""
    task = Task({"prefix": options.prefix, "keep_data": options.keep_identity}, options.check)
    result = agent_remove.run(task)
    for action in result["actions"]:
        say("%s%s" % ("would " if options.check else "", action))
    if not result["changed"]:
        say("no agent is installed: nothing to remove")
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="installer")
    commands = parser.add_subparsers(dest="command")
    commands.required = True
    for name, handler in (("state", state), ("install", install), ("start", start), ("remove", remove)):
        command = commands.add_parser(name)
        command.set_defaults(handler=handler)
        command.add_argument("--prefix")
        command.add_argument("--check", action="store_true")
        if name in ("state", "install"):
            command.add_argument("--version", required=True)
            command.add_argument("--sha256", required=True)
        if name == "state":
            command.add_argument("--temporary", required=True)
        if name == "install":
            command.add_argument("--size", type=int, required=True)
            command.add_argument("--python", required=True)
            command.add_argument("--file")
            command.add_argument("--start", action="store_true")
        if name in ("install", "start"):
            command.add_argument("--wait", type=float, default=30.0)
        if name == "remove":
            command.add_argument("--keep-identity", action="store_true")
    command = commands.add_parser("fetch")
    command.set_defaults(handler=fetch)
    for name in ("--url", "--file", "--ca"):
        command.add_argument(name, required=True)
    command = commands.add_parser("check")
    command.set_defaults(handler=check)
    command.add_argument("--file", required=True)
    command.add_argument("--sha256", required=True)
    command.add_argument("--size", type=int, required=True)
    return parser


def main(arguments=None):
    """Run a command; the exit status."""
    os.umask(0o022)
    try:
        options = _parser().parse_args(arguments)
        return options.handler(options)
    except Failure as failure:
        say("error: %s" % failure)
        if failure.hint:
            say("hint: %s" % failure.hint)
        return failure.status
    except OSError as problem:
        where = " (%s)" % problem.filename if problem.filename else ""
        say("error: %s%s" % (problem.strerror or problem, where))
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 130
