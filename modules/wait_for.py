"""Wait until a port answers or falls silent, or a file appears, goes, or holds a text."""

import os
import re
import socket
import time

from stella_ops.remote.lib import connections, files

ARGUMENTS = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int"},
    "path": {"type": "path"},
    "search_regex": {"type": "str"},
    "state": {
        "type": "str",
        "default": "started",
        "choices": ["absent", "drained", "present", "started", "stopped"],
    },
    "timeout": {"type": "float", "default": 300},
    "connect_timeout": {"type": "float", "default": 5},
    "delay": {"type": "float", "default": 0},
    "sleep": {"type": "float", "default": 1},
    "msg": {"type": "str"},
    "exclude_hosts": {"type": "list", "elements": "str"},
    "active_connection_states": {
        "type": "list",
        "elements": "str",
        "default": ["ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT"],
    },
}

_FIRST_PAUSE = 0.01


class Deadline(object):
    """The time that is left, and the pauses between looks: 10 ms at first, ``sleep`` at last."""

    def __init__(self, timeout, longest_pause):
        self.started = time.monotonic()
        self.end = self.started + timeout
        self.longest_pause = max(longest_pause, 0.001)
        self.pause = min(_FIRST_PAUSE, self.longest_pause)

    def left(self):
        """Seconds until the end, never negative."""
        return max(0.0, self.end - time.monotonic())

    def rest(self):
        """Pause; False when the time is up."""
        left = self.left()
        if left <= 0:
            return False
        time.sleep(min(self.pause, left))
        self.pause = min(self.pause * 1.5, self.longest_pause)
        return True


def run(task):
    """Return state, port, path, search_regex, match_groups, match_groupdict and elapsed (seconds)."""
    args = task.args
    if task.check_mode:
        text = "remote module (wait_for) does not support check mode"
        return {"changed": False, "skipped": True, "msg": text}
    check_arguments(task)
    deadline = Deadline(args["timeout"], args["sleep"])
    if args["delay"]:
        time.sleep(min(args["delay"], args["timeout"]))  # it counts as part of the timeout
    found = ()
    if args["port"] is None and args["path"] is None:
        time.sleep(deadline.left())
    else:
        look, missing = aim(args)
        while True:
            found = look(args, deadline)
            if found is not None:
                break
            if not deadline.rest():
                elapsed = int(time.monotonic() - deadline.started)
                task.fail(args["msg"] or "Timeout when waiting for " + missing, elapsed=elapsed)
    match = found if found else None
    result = {
        "changed": False,
        "state": args["state"],
        "port": args["port"],
        "path": args["path"],
        "search_regex": args["search_regex"],
        "match_groups": list(match.groups()) if match else [],
        "match_groupdict": match.groupdict() if match else {},
        "elapsed": int(time.monotonic() - deadline.started),
    }
    if args["path"] is not None:
        result.update(files.describe(args["path"]))  # ansible-core, too, tells of the file in place of the state
    return result


def check_arguments(task):
    """Refuse what contradicts itself."""
    args = task.args
    if args["port"] is not None and args["path"] is not None:
        task.fail("port and path parameter can not both be passed to wait_for", elapsed=0)
    if args["path"] is not None and args["state"] in ("stopped", "drained"):
        text = "state={} should only be used for checking a port in the wait_for module"
        task.fail(text.format(args["state"]), elapsed=0)
    if args["port"] is not None and not 0 < args["port"] < 65536:
        task.fail("port {} is not between 1 and 65535".format(args["port"]), elapsed=0)
    if args["exclude_hosts"] and args["state"] != "drained":
        task.fail("exclude_hosts should only be with state=drained", elapsed=0)
    if args["search_regex"] is not None and args["state"] not in ("started", "present"):
        task.fail("search_regex is for state 'started' or 'present'", elapsed=0)
    if args["sleep"] < 0 or args["delay"] < 0 or args["timeout"] < 0:
        task.fail("timeout, delay and sleep cannot be negative", elapsed=0)
    unknown = [name for name in args["active_connection_states"] if name not in connections.STATES]
    if unknown:
        known = ", ".join(sorted(connections.STATES))
        hint = "there are: {}".format(known)
        task.fail("unknown active_connection_state ({}) defined".format(unknown[0]), hint, elapsed=0)
    try:
        re.compile(args["search_regex"] or "", re.MULTILINE)
    except re.error as error:
        task.fail("Invalid regular expression: {}".format(error), elapsed=0)


def aim(args):
    """The function that looks, and words for what was waited for in vain.

    It returns None while the state is not reached, then a match object or an empty tuple.
    """
    gone = args["state"] in ("absent", "stopped")
    if args["path"] is not None:
        if gone:
            return file_gone, "{} to be absent.".format(args["path"])
        if args["search_regex"] is not None:
            return file_matches, "search string {} in {}".format(args["search_regex"], args["path"])
        return file_there, "file {}".format(args["path"])
    place = "{}:{}".format(args["host"], args["port"])
    if args["state"] == "drained":
        return port_drained, "{} to drain".format(place)
    if gone:
        return port_silent, "{} to stop.".format(place)
    if args["search_regex"] is not None:
        return port_matches, "search string {} in {}".format(args["search_regex"], place)
    return port_answers, place


def file_there(args, deadline):
    """The path exists."""
    return () if os.path.exists(args["path"]) else None


def file_gone(args, deadline):
    """The path does not exist."""
    return None if os.path.lexists(args["path"]) else ()


def file_matches(args, deadline):
    """The file holds the text."""
    try:
        with open(args["path"], "rb") as source:
            return search(args, source.read())
    except OSError:
        return None


def port_answers(args, deadline):
    """The port accepts a connection."""
    connection = connect(args, deadline)
    if connection is None:
        return None
    connection.close()
    return ()


def port_silent(args, deadline):
    """The port accepts none."""
    connection = connect(args, deadline)
    if connection is None:
        return ()
    connection.close()
    return None


def port_matches(args, deadline):
    """What the port says of itself holds the text."""
    connection = connect(args, deadline)
    if connection is None:
        return None
    said = b""
    try:
        while len(said) < 1048576:
            connection.settimeout(max(0.01, deadline.left()))
            data = connection.recv(4096)
            if not data:
                return None
            said += data
            match = search(args, said)
            if match is not None:
                return match
    except OSError:
        pass
    finally:
        connection.close()
    return None


def port_drained(args, deadline):
    """No connection to the port is active on this host."""
    count = connections.count_active(
        args["host"], args["port"], args["exclude_hosts"] or [], args["active_connection_states"]
    )
    return None if count else ()


def connect(args, deadline):
    """A connection, or None. At least one honest attempt is made even when the time is up."""
    timeout = min(args["connect_timeout"], max(deadline.left(), 0.1))
    try:
        return socket.create_connection((args["host"], args["port"]), timeout)
    except (OSError, UnicodeError):
        return None


def search(args, data):
    """A match with text groups, or None."""
    text = data.decode("utf-8", "replace")
    return re.search(args["search_regex"], text, re.MULTILINE)
