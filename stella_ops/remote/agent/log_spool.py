"""The agent's log lines, kept until the orchestrator has them: numbered, bounded, and the oldest go first."""

from stella_ops.remote.agent.spool import Spool

MAX_BYTES = 256 * 1024
KEPT = 3
MAX_LINE = 8 * 1024


class LogSpool(object):
    """A sink for ``Log``. What cannot be written is dropped: it is in the log's own file."""

    def __init__(self, path, last_known=0):
        # Not synced: a line lost in a power cut is no loss like that of a heartbeat.
        self._spool = Spool(path, last_known, max_bytes=MAX_BYTES, kept=KEPT, durable=False)

    def __call__(self, record):
        entry = dict(record)
        entry["time"] = entry.pop("ts")
        for key, value in entry.items():
            if isinstance(value, str) and len(value) > MAX_LINE:
                entry[key] = value[:MAX_LINE]
            elif not isinstance(value, (str, int, float, bool, list, dict, type(None))):
                entry[key] = str(value)
        try:
            self._spool.append(entry)
        except (OSError, TypeError, ValueError):
            pass
