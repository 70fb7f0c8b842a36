"""AnsibleModule and the host's log; see ``basic``."""

import re
import syslog

from stella_ops.remote.lib.module_utils.common.parameters import remove_values
from stella_ops.remote.lib.module_utils.common.text.converters import to_native

# A name and a password before a host, as URLs and ssh have them.
_CREDENTIALS = re.compile(r"(://[^:@/\s]*:|^[^:@/\s]*:)[^@]*(?=@)")
PASSWORD_MATCH = re.compile(r"^(?:.+[-_\s])?pass(?:[-_\s]?(?:word|phrase|wrd|wd)?)(?:[-_\s].+)?$", re.I)


def heuristic_log_sanitize(data, no_log_values=None):
    """Text without what looks like a password in a URL, and without secrets that are known."""
    text = _CREDENTIALS.sub(r"\1********", to_native(data))
    return remove_values(text, no_log_values) if no_log_values else text


class LoggingMixin(object):
    """Messages to syslog."""

    def debug(self, msg):
        """Log a message where debugging is asked for."""
        if self._debug:
            self.log("[debug] {}".format(msg))

    def log(self, msg, log_args=None):
        """Log a message, without secrets."""
        if self.no_log:
            return
        if not isinstance(msg, (bytes, str)):
            raise TypeError("msg should be a string (got {})".format(type(msg)))
        text = to_native(msg, errors="replace")
        if self._target_log_info:
            text = "{} {}".format(self._target_log_info, text)
        self._log_to_syslog(remove_values(text, self.no_log_values))

    def _log_to_syslog(self, msg):
        facility = getattr(syslog, self._syslog_facility, syslog.LOG_USER)
        try:
            syslog.openlog("ansible-{}".format(self._name), 0, facility)
            # A NUL or a lone surrogate is no reason for a module to fail.
            syslog.syslog(syslog.LOG_INFO, msg.replace("\0", "").encode("utf-8", "replace").decode("utf-8"))
        except (TypeError, ValueError) as problem:
            self.fail_json(msg="Failed to log to syslog ({}).".format(to_native(problem)), msg_to_log=msg)
