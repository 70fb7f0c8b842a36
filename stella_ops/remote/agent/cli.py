"""The command line of the agent: ``stella-agent enrol|run|supervise|stop|rpc|version|status [--prefix P]``."""

import argparse
import os
import sys

from stella_ops.remote.agent import enrol_command
from stella_ops.remote.agent.version import version
from stella_ops.remote.lib.layout import Layout

_COMMANDS = (
    ("run", "run the agent in the foreground"),
    (
        "supervise",
        "run the agent in the background, for hosts without systemd; starts it again after a crash",
    ),
    ("stop", "stop what 'supervise' started, and wait until it is gone"),
    ("rpc", "answer one JSON document of requests on standard input"),
    ("status", "show how the agent is, as JSON"),
    ("version", "show the version"),
)


_PREFIX = "the folder that everything of this agent is below"


def main(arguments=None):
    """Run a command; the exit status: 0 done, 1 failed, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    layout = Layout.find(options.prefix)
    os.umask(0o022)
    # What only root may read is read before we go on as somebody else.
    options.token = enrol_command.read_token(options) if options.command == "enrol" else None
    options.first_start = enrol_command.FirstStart(layout) if options.command == "run" else None
    _become_owner(layout)
    try:
        return _HANDLERS[options.command](layout, options)
    except KeyboardInterrupt:
        return 130


def _become_owner(layout):
    """Go on as the user that the agent's data belongs to.

    So ``sudo stella-agent rpc`` leaves no file behind that the service could not read or replace.
    """
    if os.geteuid() != 0:
        return
    try:
        owner = os.stat(layout.var)
    except OSError:
        return
    if owner.st_uid != 0:
        import pwd

        try:
            entry = pwd.getpwuid(owner.st_uid)
            os.initgroups(entry.pw_name, entry.pw_gid)
            os.environ["HOME"] = entry.pw_dir
        except KeyError:
            os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def _parser():
    parser = argparse.ArgumentParser(prog="stella-agent", description="The agent of stella-ops on this host.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    enrol_command.add_parser(commands).add_argument("--prefix", help=_PREFIX)
    for name, what in _COMMANDS:
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("--prefix", help=_PREFIX)
        if name == "run":
            command.add_argument("--supervisor-fd", type=int, help=argparse.SUPPRESS)
    return parser


def _run(layout, options):
    from stella_ops.remote.agent.log import Log
    from stella_ops.remote.agent.service import Service

    log = Log(layout.logfile)
    status = options.first_start.run(log)
    return Service(layout, log, options.supervisor_fd).run() if status is None else status


def _enrol(layout, options):
    return enrol_command.run(layout, options, options.token)


def _supervise(layout, _options):
    from stella_ops.remote.agent import supervisor
    from stella_ops.remote.agent.log import Log

    log = Log(layout.logfile, echo=False)
    return _tell(*supervisor.start(layout, supervisor.program_of(layout), log))


def _stop(layout, _options):
    from stella_ops.remote.agent import supervisor

    return _tell(*supervisor.stop(layout))


def _rpc(layout, _options):
    from stella_ops.remote.agent import rpc

    return rpc.serve(layout, sys.stdin.buffer, sys.stdout)


def _status(layout, _options):
    import json

    from stella_ops.remote.agent import rpc

    response = rpc.answer(layout, {"method": "status"})
    sys.stdout.write(json.dumps(response.get("result") or response["error"], indent=2, sort_keys=True) + "\n")
    return 0 if response["ok"] and response["result"]["running"] else 1


def _version(_layout, _options):
    sys.stdout.write(version() + "\n")
    return 0


def _tell(status, sentence):
    stream = sys.stderr if status else sys.stdout
    stream.write("stella-agent: %s\n" % sentence)
    return status


_HANDLERS = {
    "enrol": _enrol,
    "run": _run,
    "supervise": _supervise,
    "stop": _stop,
    "rpc": _rpc,
    "status": _status,
    "version": _version,
}
