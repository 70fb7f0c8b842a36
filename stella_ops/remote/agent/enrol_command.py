"""``stella-agent enrol``, and the enrolment that ``run`` begins with in a container."""

import argparse
import json
import os
import signal
import sys
import time

from stella_ops.remote.agent import bootstrap_token, storage
from stella_ops.remote.agent.problem import Problem

URL_VARIABLE = "STELLA_ORCHESTRATOR_URL"
UNREACHABLE = 3

# Another attempt may do better, and nothing was decided: the exit status tells these from refusals.
TEMPORARY = ("unreachable", "cut", "slow", "unavailable")
CONTAINER_SECONDS = 600.0

_EXAMPLES = """\
examples:
  stella-agent enrol --url https://orchestrator.example.com:8443 --token-file token.txt
  stella-ops agent bootstrap ... | ssh web-01 stella-agent enrol --url https://... --token-stdin

The token is read from a file, from standard input, or from the environment (STELLA_BOOTSTRAP_TOKEN,
STELLA_BOOTSTRAP_TOKEN_FILE), never from the command line. It is sent only to a server that proves to be the one that
the token is for. Run again with the same token, it comes to the same identity.

exit status: 0 enrolled, 1 refused or failed, 2 wrong usage, 3 not reached: try again
"""


def add_parser(commands):
    """Add the command to the agent's parser; returns the new one."""
    what = "enrol this host with an orchestrator, by a bootstrap token"
    form = argparse.RawDescriptionHelpFormatter
    command = commands.add_parser("enrol", help=what, description=what, epilog=_EXAMPLES, formatter_class=form)
    command.add_argument("--url", help="the orchestrator's https URL (or %s)" % URL_VARIABLE)
    source = command.add_mutually_exclusive_group()
    source.add_argument("--token-file", metavar="FILE", help="the file that holds the token")
    source.add_argument("--token-stdin", action="store_true", help="read the token from standard input")
    command.add_argument("--ca-pin", metavar="HEX", help="SHA-256 of the CA's root, in place of the token's own pin")
    command.add_argument("--name", help="refuse a token that is for another agent's name")
    command.add_argument("--environment", help="refuse a token that is for another environment")
    command.add_argument("--format", choices=("text", "json"), default="text", help="how the outcome is told")
    return command


def read_token(options):
    """Take the token while we are still who may read it (root); a Problem is kept for ``run``."""
    try:
        return bootstrap_token.read(options.token_file, options.token_stdin)
    except Problem as problem:
        return problem


def run(layout, options, token):
    """Enrol by a command's options; the exit status."""
    log = _Progress(layout, options.format == "text")
    try:
        if isinstance(token, Problem):
            raise token
        url = options.url or os.environ.get(URL_VARIABLE)
        if not url:
            raise Problem("no-url", "no orchestrator was named", "--url https://HOST:8443")
        done = _enrol(layout, log, url, token, options)
    except Problem as problem:
        log.error("enrolment-failed", code=problem.code, problem=problem.message)
        _tell_problem(problem, options.format)
        return 2 if problem.code in _USAGE else UNREACHABLE if problem.code in TEMPORARY else 1
    except OSError as problem:
        said = "%s: %s" % (problem.filename or layout.var, problem.strerror or problem)
        _tell_problem(Problem("os-error", said, "run it as the agent's user, or as root"), options.format)
        return 1
    if options.format == "json":
        sys.stdout.write(json.dumps(done, sort_keys=True) + "\n")
    else:
        again = " (again, with the same key)" if done["repeated"] else ""
        sys.stdout.write("enrolled as %(name)s in %(environment)s, agent id %(agent_id)s" % done + again + "\n")
        if not done["orchestrator_url"]:
            sys.stdout.write("its configuration names no orchestrator_url: this agent will wait to be visited\n")
    return 0


_USAGE = ("no-url", "no-token", "invalid-url", "invalid-token", "invalid-pin", "no-pin", "invalid-proxy")


def _enrol(layout, log, url, token, options=None):
    from stella_ops.remote.agent import trust
    from stella_ops.remote.agent.endpoint import Endpoint
    from stella_ops.remote.agent.enrol import enrol

    given = (None, None, None)
    if options is not None:
        given = (options.ca_pin and trust.read_pin(options.ca_pin), options.name, options.environment)
    endpoint = Endpoint.of_url(url)
    storage.prepare_folders(layout)
    return enrol(layout, log, endpoint, token, *given)


class _Progress(object):
    """The agent's log, and for people each step as a line on standard error."""

    def __init__(self, layout, show):
        from stella_ops.remote.agent.log import Log

        self._log = Log(layout.logfile, echo=False)
        self._show = show

    def info(self, event, **fields):
        self._log.info(event, **fields)
        if self._show:
            sys.stderr.write("  %d %s\n" % (fields["step"], event))

    def warning(self, event, **fields):
        self._log.warning(event, **fields)
        if self._show:
            sys.stderr.write("  warning: %s\n" % fields["problem"])

    def error(self, event, **fields):
        self._log.error(event, **fields)


def _tell_problem(problem, form):
    if form == "json":
        sys.stdout.write(json.dumps({"error": problem.as_dict()}, sort_keys=True) + "\n")
        return
    sys.stderr.write("stella-agent: %s\n" % problem.message)
    if problem.hint:
        sys.stderr.write("  hint: %s\n" % problem.hint)


class FirstStart(object):
    """The enrolment of a container's first start, by its environment; made before the user is changed."""

    def __init__(self, layout):
        self.url = os.environ.get(URL_VARIABLE)
        self._layout = layout
        self._token = None
        if self.url and bootstrap_token.is_offered():
            from stella_ops.remote.agent.enrol import is_enrolled

            if is_enrolled(layout):
                os.environ.pop(bootstrap_token.VARIABLE, None)
                return
            try:
                self._token = bootstrap_token.read()
            except Problem as problem:
                self._token = problem

    def run(self, log):
        """Enrol, if that is still to be done; None, or the exit status when it cannot be done.

        An orchestrator that does not answer is tried for ten minutes, with growing pauses.
        """
        if self._token is None:
            return None
        from stella_ops.remote.agent.backoff import Backoff

        # The first process of a container has no default reaction to these.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _end)
        pause, until = Backoff(5.0, longest=60.0), time.monotonic() + CONTAINER_SECONDS
        while True:
            try:
                if isinstance(self._token, Problem):
                    raise self._token
                _enrol(self._layout, log, self.url, self._token)
                return None
            except Problem as problem:
                seconds = pause.next()
                again = problem.code in TEMPORARY and time.monotonic() + seconds < until
                fields = {"retry_in_seconds": round(seconds, 1)} if again else {}
                log.error("enrolment-failed", code=problem.code, problem=problem.message, hint=problem.hint, **fields)
                if not again:
                    return UNREACHABLE if problem.code in TEMPORARY else 1
                time.sleep(seconds)
            except OSError as problem:
                log.error("enrolment-failed", code="os-error", problem=str(problem))
                return 1


def _end(number, _frame):
    sys.exit(128 + number)
