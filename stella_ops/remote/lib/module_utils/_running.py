"""AnsibleModule and programs; see ``basic``."""

import os
import re
import selectors
import shlex
import subprocess

from stella_ops.remote.lib.module_utils._logging import heuristic_log_sanitize
from stella_ops.remote.lib.module_utils.common.text.converters import to_bytes, to_native, to_text

PASSWD_ARG_RE = re.compile(r"^[-]{0,2}pass[-]?(word|wd)?")
_PROMPTED = "A prompt was encountered while running a command, but no input data was specified"
# fcntl(2): how much a pipe can hold.
F_GETPIPE_SZ = 1032


class RunningMixin(object):
    """Programs run."""

    def run_command(
        self,
        args,
        check_rc=False,
        close_fds=True,
        executable=None,
        data=None,
        binary_data=False,
        path_prefix=None,
        cwd=None,
        use_unsafe_shell=False,
        prompt_regex=None,
        environ_update=None,
        umask=None,
        encoding="utf-8",
        errors="surrogate_or_strict",
        expand_user_and_vars=True,
        pass_fds=None,
        before_communicate_callback=None,
        ignore_invalid_cwd=True,
        handle_exceptions=True,
    ):
        """Run a program and wait for its end, not for that of what it leaves behind.

        Args:
            args: a list of words; or text, which is split into words, or given to a shell as it is.
            check_rc: end the module as failed where the program does not end with 0.
            data: for its standard input; a newline is added to it, if not ``binary_data``.
            path_prefix: a folder to look in for it, and it for others, first.
            prompt_regex: when its output matches this and there is no data, it is given up.
            encoding: of what it prints; None leaves that bytes.
            expand_user_and_vars: expand ``~`` and variables in words, where there is no shell.

        Returns:
            Exit status, output, errors.
        """
        self._clean = None
        if not isinstance(args, (list, bytes, str)):
            self.fail_json(rc=257, cmd=args, msg="Argument 'args' to run_command must be list or string")
        words, shell = self._words(args, use_unsafe_shell, executable, expand_user_and_vars)
        prompt = None
        if prompt_regex:
            try:
                prompt = re.compile(to_bytes(prompt_regex, errors="surrogateescape"), re.MULTILINE)
            except re.error:
                self.fail_json(msg="invalid prompt regular expression given to run_command")
        settings = {
            "executable": executable if not use_unsafe_shell or shell else None,
            "shell": shell,
            "close_fds": close_fds,
            "stdin": subprocess.PIPE if data else None,
            "env": self._environment(environ_update, path_prefix),
        }
        if umask:
            settings["preexec_fn"] = lambda: os.umask(umask)
        if pass_fds:
            settings["pass_fds"] = pass_fds
        if cwd:
            cwd = to_bytes(os.path.abspath(os.path.expanduser(cwd)), errors="surrogate_or_strict")
            if os.path.isdir(cwd):
                settings["cwd"] = cwd
            elif not ignore_invalid_cwd:
                self.fail_json(msg="Provided cwd is not a valid directory: {}".format(to_native(cwd)))
        if data:
            data = to_bytes(data) if binary_data else to_bytes(data) + b"\n"
        try:
            if self._debug:
                self.log("Executing: " + self._clean_args(words))
            status, out, err = self._converse(words, settings, data, prompt, before_communicate_callback)
        except Exception as problem:
            if not handle_exceptions:
                raise
            status = problem.errno if isinstance(problem, OSError) else 257
            told = {"rc": status, "stdout": "", "stderr": "", "cmd": self._clean_args(words), "exception": problem}
            self.fail_json(msg="Error executing command.", **told)
        if status != 0 and check_rc:
            text = heuristic_log_sanitize(err.rstrip(), self.no_log_values)
            self.fail_json(cmd=self._clean_args(words), rc=status, stdout=out, stderr=err, msg=text)
        if encoding is not None:
            out, err = (to_native(each, encoding=encoding, errors=errors) for each in (out, err))
        return status, out, err

    def _words(self, args, use_unsafe_shell, executable, expand):
        """What ``subprocess`` is given, and whether it adds a shell."""
        if use_unsafe_shell:
            line = " ".join(shlex.quote(word) for word in args) if isinstance(args, list) else args
            line = to_bytes(line, errors="surrogate_or_strict")
            shell = executable or (self._shell if self._shell != "/bin/sh" else None)
            if shell:
                return [to_bytes(shell, errors="surrogate_or_strict"), b"-c", line], False
            return line, True
        if not isinstance(args, list):
            args = shlex.split(to_text(args, errors="surrogateescape"))
        words = [word for word in args if word is not None]
        if expand:
            words = [
                os.path.expanduser(os.path.expandvars(to_text(word, errors="surrogate_or_strict"))) for word in words
            ]
        return [to_bytes(word, errors="surrogate_or_strict") for word in words], False

    def _environment(self, update, path_prefix):
        environment = dict(os.environ)
        environment.update(self.run_command_environ_update or {})
        environment.update(update or {})
        if path_prefix:
            path = environment.get("PATH", "")
            environment["PATH"] = "{}:{}".format(path_prefix, path) if path else path_prefix
        return environment

    def _converse(self, words, settings, data, prompt, callback):
        child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings)
        if callback is not None:
            callback(child)
        out, err = bytearray(), bytearray()
        left = memoryview(data or b"")
        with selectors.DefaultSelector() as selector:
            for stream, kind in ((child.stdout, "out"), (child.stderr, "err"), (child.stdin, "in")):
                if stream is not None:
                    os.set_blocking(stream.fileno(), False)
                    writes = kind == "in"
                    selector.register(stream, selectors.EVENT_WRITE if writes else selectors.EVENT_READ, kind)
            while selector.get_map():
                # Whatever it has started may hold the pipes for ever: an end that is quiet is the end.
                events = selector.select(0.1 if child.poll() is None else 0)
                if not events and child.poll() is not None:
                    break
                for key, _ in events:
                    if key.data == "in":
                        left = _feed(key.fileobj, left)
                        if left is None:
                            selector.unregister(key.fileobj)
                            key.fileobj.close()
                        continue
                    piece = key.fileobj.read(65536)
                    if piece is None:
                        continue
                    if not piece:
                        selector.unregister(key.fileobj)
                    (out if key.data == "out" else err).extend(piece)
                if prompt is not None and not data and prompt.search(bytes(out)):
                    return 257, bytes(out), _PROMPTED.encode()
        child.stdout.close()
        child.stderr.close()
        return child.wait(), bytes(out), bytes(err)

    def _clean_args(self, args):
        """A command as it may be shown."""
        if not self._clean:
            words = args if isinstance(args, (list, tuple)) else shlex.split(to_native(args))
            clean, hide = [], False
            for word in (to_native(word) for word in words):
                if hide:
                    clean.append("********")
                    hide = False
                elif PASSWD_ARG_RE.match(word):
                    name, equals, _ = word.partition("=")
                    clean.append(name + "=********" if equals else word)
                    hide = not equals
                else:
                    clean.append(heuristic_log_sanitize(word, self.no_log_values))
            self._clean = " ".join(shlex.quote(word) for word in clean)
        return self._clean

    @staticmethod
    def get_buffer_size(fd):
        """How many bytes a pipe can hold."""
        import fcntl

        try:
            return fcntl.fcntl(fd, F_GETPIPE_SZ)
        except OSError:
            return 9000


def _feed(stream, left):
    """Write what a program takes now; what is left, None at the end."""
    try:
        count = stream.raw.write(left) if hasattr(stream, "raw") else stream.write(left)
    except BrokenPipeError:
        return None
    left = left[count or 0 :]
    return left if len(left) else None
