"""A program on a terminal of its own, whose questions are answered."""

import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from stella_ops.remote.lib import process

_READ = 65536
# A program that asks for a password turns the echo off after its question; an answer that is sooner would be shown.
_PAUSE = 0.05


class NoAnswer(Exception):
    """A question came more often than there are answers: ``question``, and ``output`` up to it, as text."""

    def __init__(self, question, output):
        Exception.__init__(self, question)
        self.question, self.output = question, output


class NotAPattern(ValueError):
    """A question is no regular expression."""


def converse(words, asked, timeout, echo=False):
    """Run a program until it ends.

    Args:
        words: the program and its arguments.
        asked: pairs of a question (a regular expression, bytes) and an iterator of answers (bytes).
        timeout: seconds to wait for the next question or the end; None for ever. A program that is late is killed.
        echo: whether its terminal shows what is typed.

    Returns:
        ``process.Outcome`` with all that the terminal showed as ``stdout``; rc None when the time was over.

    Raises:
        NoAnswer: a question came once too often.
        NotAPattern: a question is no regular expression.
        OSError: the program cannot be started.
    """
    patterns = []
    for question, answers in asked:
        try:
            patterns.append((re.compile(question, re.DOTALL), question, answers))
        except re.error as error:
            raise NotAPattern("'{}': {}".format(question.decode("utf-8", "replace"), error))
    watcher = process.guard
    if watcher is not None:
        watcher.starting()
    try:
        master, child = _start(words, echo)
        if watcher is not None:
            watcher.started(child.pid)
        try:
            return _answer(master, child, patterns, timeout)
        finally:
            os.close(master)
            if child.poll() is None:
                _kill(child)
            child.wait()
    finally:
        if watcher is not None:
            watcher.ended()


def _start(words, echo):
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        if not echo:
            attributes = termios.tcgetattr(slave)
            attributes[3] &= ~termios.ECHO
            termios.tcsetattr(slave, termios.TCSANOW, attributes)
        child = subprocess.Popen(
            words,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            close_fds=True,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    return master, child


def _take_terminal():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _answer(master, child, patterns, timeout):
    shown = []  # type: list[bytes]
    waiting = b""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        first = _first(patterns, waiting)
        if first is not None:
            end, question, answers = first
            shown.append(waiting[:end])
            waiting = waiting[end:]
            try:
                answer = next(answers)
            except StopIteration:
                raise NoAnswer(question.decode("utf-8", "replace"), b"".join(shown).decode("utf-8", "replace"))
            time.sleep(_PAUSE)
            _type(master, answer)
            deadline = None if timeout is None else time.monotonic() + timeout
            continue
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([master], [], [], left)[0]:
            _kill(child)
            child.wait()
            return process.Outcome(None, b"".join(shown) + waiting, b"")
        data = _read(master)
        if not data:
            return process.Outcome(child.wait(), b"".join(shown) + waiting, b"")
        waiting += data


def _first(patterns, text):
    """Where the earliest question of a text ends, the question, its answers; None for no question."""
    found = None
    for pattern, question, answers in patterns:
        match = pattern.search(text)
        if match is not None and (found is None or match.start() < found[0]):
            found = (match.start(), match.end(), question, answers)
    return None if found is None else found[1:]


def _type(master, answer):
    try:
        while answer:
            answer = answer[os.write(master, answer) :]
    except OSError as error:
        if error.errno != errno.EIO:  # it has ended, and what it said is still to be read
            raise


def _read(master):
    try:
        return os.read(master, _READ)
    except OSError as error:
        if error.errno == errno.EIO:  # Linux's word for: nobody has the terminal open any more
            return b""
        raise


def _kill(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except OSError:
        child.kill()
