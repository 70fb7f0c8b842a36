"""The texts are those of ``ansible HOSTS -m MODULE`` of ansible-core 2.19, but for line ends."""

from __future__ import annotations

import io
from typing import Any

import pytest

from stella_ops.console.adhoc import AdHocReporter
from stella_ops.console.oneline import OneLineReporter

CASES: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("command", "command", "changed", {"changed": True, "rc": 0, "stdout": "hi", "stderr": "", "msg": ""},
     "h | CHANGED | rc=0 >>\nhi\n"),
    ("no output", "command", "changed", {"changed": True, "rc": 0, "stdout": "", "stderr": ""},
     "h | CHANGED | rc=0 >>\n\n"),
    ("both streams", "shell", "failed",
     {"changed": True, "failed": True, "rc": 2, "stdout": "out", "stderr": "err\n",
      "msg": "non-zero return code"},
     "h | FAILED | rc=2 >>\nout\nerr\nnon-zero return code\n"),
    ("raw", "raw", "changed", {"changed": True, "rc": 0, "stdout": "a\r\nb\r\n", "stderr": ""},
     "h | CHANGED | rc=0 >>\na\nb\n"),
    ("nothing to do", "command", "ok",
     {"changed": False, "rc": 0, "stdout": "skipped, since /tmp exists", "stderr": "", "msg": "Did not run"},
     "h | SUCCESS | rc=0 >>\nskipped, since /tmp exists\nDid not run\n"),
    ("never ran", "command", "failed", {"changed": False, "failed": True, "msg": "bad argument"},
     'h | FAILED! => {\n    "changed": false,\n    "msg": "bad argument"\n}\n'),
    ("ping", "ping", "ok", {"changed": False, "ping": "pong", "invocation": {}},
     'h | SUCCESS => {\n    "changed": false,\n    "ping": "pong"\n}\n'),
    ("file", "file", "changed", {"changed": True, "path": "/x"},
     'h | CHANGED => {\n    "changed": true,\n    "path": "/x"\n}\n'),
    ("debug", "debug", "ok", {"changed": False, "msg": "x"}, 'h | SUCCESS => {\n    "msg": "x"\n}\n'),
    ("unreachable", "ping", "unreachable", {"changed": False, "msg": "refused", "unreachable": True},
     'h | UNREACHABLE! => {\n    "changed": false,\n    "msg": "refused",\n    "unreachable": true\n}\n'),
    ("skipped", "shell", "skipped", {"changed": False, "skipped": True}, "h | SKIPPED\n"),
    ("escapes", "shell", "changed",
     {"changed": True, "rc": 0, "stdout": "\x1b[31mred\ttab\x9b\nnext", "stderr": ""},
     "h | CHANGED | rc=0 >>\n\\x1b[31mred\ttab\\x9b\nnext\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("action", "status", "result", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_forms(story: Any, action: str, status: str, result: dict[str, Any], expected: str) -> None:
    story.run(kind="run")
    story.task(action, action)
    story.host("h", status, result)
    story.end({"h": {"ok": 1}})
    stream = io.StringIO()
    story.tell(AdHocReporter(stream))
    shown = stream.getvalue()
    if status in ("failed", "unreachable"):
        block, _, shown = shown.partition("\n\n")
        assert block.startswith("[ERROR]: Task failed: ") and result["msg"] in block.splitlines()[0]
    assert shown == expected


def test_a_play_has_a_line_a_host_and_none_an_item(story: Any) -> None:
    story.task("command", "command")
    for host in ("h", "i"):
        story.item(host, "changed", "one", {"changed": True, "rc": 0, "stdout": "x"})
        story.host(host, "failed", {"msg": "no"})
    stream = io.StringIO()
    story.tell(AdHocReporter(stream))
    assert "one" not in stream.getvalue()
    assert stream.getvalue().count("[ERROR]: ") == 1


def test_hints_warnings_and_diffs(story: Any) -> None:
    story.task("copy", "copy")
    story.host("h", "unreachable", {"msg": "no"}, hint="is sshd running?")
    story.host("i", "changed", {"changed": True, "warnings": ["w"], "diff": {"before": "a\n", "after": "b\n"}})
    stream, errors = io.StringIO(), io.StringIO()
    story.tell(AdHocReporter(stream, errors=errors))
    assert (
        "}\n  hint: is sshd running?\n--- before\n+++ after\n@@ -1 +1 @@\n-a\n+b\n\ni | CHANGED => {"
        in stream.getvalue()
    )
    assert errors.getvalue() == "[WARNING]: w\n"


def test_v3_shows_invocation_and_traceback(story: Any) -> None:
    story.task("ping", "ping")
    story.host("h", "failed", {"msg": "m", "exception": "Traceback", "invocation": {"module_args": {}}})
    stream = io.StringIO()
    story.tell(AdHocReporter(stream, verbosity=3))
    assert stream.getvalue().startswith("The full traceback is:\nTraceback\n[ERROR]: Task failed: Module failed: m\n")
    assert "invocation" in stream.getvalue()


@pytest.mark.parametrize(
    ("exception", "verbosity", "told"),
    [
        ("Traceback:\n  at x\nKeyError: 'a'\n", 0, "To see the full traceback, use -vvv. The error was: KeyError: 'a'"),
        ("Traceback:\n  at x\nKeyError: 'a'\n", 3, "The full traceback is:\nTraceback:  at xKeyError: 'a'"),
        (" \n", 0, "To see the full traceback, use -vvv. The error was: "),
    ],
)
def test_an_exception_on_one_line(story: Any, exception: str, verbosity: int, told: str) -> None:
    story.run(kind="run")
    story.task("ping", "ping")
    story.host("h", "failed", {"changed": False, "failed": True, "msg": "no", "exception": exception})
    story.end({"h": {"failed": 1}})
    stream = io.StringIO()
    story.tell(OneLineReporter(stream, verbosity=verbosity))
    shown = stream.getvalue()
    assert shown.startswith(f"An exception occurred during task execution. {told}\nh | FAILED! => ")
