"""The lines are those of ansible-core's default callback.

``expected/ansible_forms.txt`` was checked line by line against ``ansible-playbook`` of ansible-core 2.19 with
the results of the same tasks.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from stella_ops.console.lines import LineReporter
from stella_ops.console.recap import recap_line
from stella_ops.console.shown import Shown
from stella_ops.engine.events import HostTally

EXPECTED = Path(__file__).parent / "expected"
FALSE = {
    "changed": True,
    "cmd": ["false"],
    "failed": True,
    "msg": "non-zero return code",
    "rc": 1,
    "stderr": "",
    "stderr_lines": [],
    "stdout": "",
    "stdout_lines": [],
}


def told(story: Any, **options: Any) -> tuple[str, str]:
    stream, errors = io.StringIO(), io.StringIO()
    story.tell(LineReporter(stream, errors=errors, **options))
    return stream.getvalue().replace(str(Path.cwd()), "HERE"), errors.getvalue()


def forms(story: Any) -> None:
    """One of every form that ansible-core prints."""
    story.run(2)
    story.play("First play", ["web1", "web2"])
    story.task("ok command")
    story.host("web2")
    story.host("web1")
    story.task("change")
    story.host("web1", "changed", {"changed": True, "cmd": ["echo", "x"], "rc": 0, "stdout": "x"})
    story.task("fails ignored")
    story.host("web1", "ignored", FALSE, hint="not shown for ignored failures")
    story.task("skipped")
    story.host("web1", "skipped", {"changed": False, "skipped": True, "skip_reason": "Conditional result was False"})
    story.task("loop")
    story.item("web1", "changed", "echo a")
    story.item("web1", "failed", "false", {**FALSE, "ansible_loop_var": "item", "item": "false"})
    story.item("web1", "skipped", "echo c")
    story.host(
        "web1",
        "ignored",
        {"changed": True, "failed": True, "msg": "items failed", "results": []},
        looped=True,
    )
    story.task("loop dicts", "debug")
    for number in (1, 2):
        item = {"a": number, "b": "x"}
        result = {"ansible_loop_var": "item", "changed": False, "item": item, "msg": number}
        story.item("web1", "ok", item, result)
    story.host("web1", "ok", {"changed": False, "results": []}, looped=True)
    story.task("loop label")
    story.item("web1", "ok", {"a": 1}, {"changed": False, "_ansible_item_label": "L1"})
    story.host("web1", "ok", {"changed": False, "results": []}, looped=True)
    story.task("loop all skipped")
    story.item("web1", "skipped", 1)
    story.item("web1", "skipped", 2)
    story.host("web1", "skipped", {"changed": False, "skipped": True, "results": []}, looped=True)
    story.task("empty loop")
    story.host("web1", "skipped", {"changed": False, "skipped": True, "results": []}, looped=True)
    story.task("debug", "debug")
    story.host("web1", "ok", {"changed": False, "failed": False, "msg": "hi\nthere ünï \x1b[31m"})
    story.task("debug", "debug")
    story.host("web1", "ok", {"changed": False, "inventory_hostname": "web1"})
    story.task("debug", "debug")
    story.host("web1", "ok", {"changed": False, "msg": {"z": 1, "a": [1, 2]}})
    story.task("failed debug", "debug")
    story.host("web1", "ignored", {"changed": False, "failed": True, "failed_when_result": True, "msg": "no"})
    story.task("assert", "assert")
    story.host("web1", "ok", {"changed": False, "msg": "good"})
    story.task("quiet assert", "assert")
    story.host("web1", "ok", {"changed": False, "msg": "fine", "_ansible_verbose_always": False})
    story.task("delegated")
    story.host("web1", "changed", delegate="other")
    story.host("web2", "skipped", delegate="other")
    story.host("web1", "ignored", FALSE, delegate="other")
    story.task("delegated to itself")
    story.host("web1", "ok", delegate="web1")
    story.task("delegated loop")
    story.item("web1", "changed", 1, delegate="other")
    story.host("web1", "changed", {"changed": True, "results": []}, looped=True, delegate="other")
    story.task("retries")
    story.retry("web1", 2)
    story.retry("web1", 1)
    story.host("web1", "changed")
    story.task("no_log")
    censored = {"censored": "the output has been hidden", "changed": True}
    story.host("web1", "rescued", {**censored, "failed": True})
    story.item("web2", "changed", "s3cret", censored)
    story.host("web2", "changed", censored, looped=True)
    story.task(
        "a very long task name that goes on and on and on and on and on and on and on and on and on yes",
        "ping",
    )
    story.host("web1")
    story.task("name with wide 日本語 漢字", "ping")
    story.host("web1")
    story.task("restart", handler=True)
    story.host("web1", "changed")
    story.no_hosts("nosuch")
    story.play("second", ["web1", "down"])
    story.task("ping", "ping")
    story.host("down", "unreachable", {"changed": False, "msg": "Connection refused", "unreachable": True})
    story.host("web1", "ignored", {"changed": False, "msg": "Connection refused", "unreachable": True})
    story.task("fail", "fail", origin="site.yml:9:7")
    story.host("web1", "failed", {"changed": False, "failed": True, "msg": "final"}, hint="try another")
    story.host("web2", "failed", {"changed": False, "failed": True, "msg": "final"})
    story.end(
        {
            "web2": {"ok": 35, "changed": 16, "skipped": 4, "rescued": 1, "ignored": 10},
            "down": {"unreachable": 1},
            "a-host-with-a-name-longer-than-its-column.example.org": {"ok": 12345, "failed": 1},
        }
    )


def test_every_form_is_printed_as_ansible_does(story: Any) -> None:
    forms(story)
    out, err = told(story)
    assert out == (EXPECTED / "ansible_forms.txt").read_text(encoding="utf-8")
    assert err == ""


def test_colours_change_nothing_but_colours(story: Any) -> None:
    forms(story)
    plain, _ = told(story)
    painted, _ = told(story, color=True)
    assert "\x1b[0;32mok: [web2]\x1b[0m\n" in painted
    assert '\x1b[0;32m    "msg": 1\x1b[0m\n' in painted  # each line has its own colour
    import re

    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == plain


def test_results_are_shown_with_v_without_internals(story: Any) -> None:
    story.task("x")
    story.host(
        "web1",
        "ok",
        {"changed": False, "rc": 0, "_ansible_no_log": False, "invocation": {"module_args": {}}, "diff": {}},
    )
    story.item("web1", "skipped", 2, {"changed": False, "skipped": True, "skip_reason": "r"})
    out, _ = told(story, verbosity=1)
    assert 'ok: [web1] => {"changed": false, "rc": 0}\n' in out
    # ansible-core leaves two blanks here.
    assert 'skipping: [web1] => (item=2)  => {"changed": false, "skip_reason": "r"}\n' in out


def test_facts_are_never_dumped(story: Any) -> None:
    story.task("Gathering Facts", "setup")
    story.host("web1", "ok", {"changed": False, "ansible_facts": {"a": 1}})
    out, _ = told(story, verbosity=2)
    assert "ok: [web1]\n" in out


def test_vvv_shows_all_there_is(story: Any) -> None:
    story.run()
    story.task("x")
    story.notified("web1", "restart")
    story.host(
        "web1",
        "failed",
        {
            "failed": True,
            "msg": "m",
            "exception": "Traceback:\n  boom\x1b[2J",
            "invocation": {"module_args": {"a": 1}},
        },
        hint="h",
    )
    out, _ = told(story, verbosity=3)
    assert out == (EXPECTED / "vvv.txt").read_text(encoding="utf-8")


def test_a_traceback_stays_hidden_below_vvv(story: Any) -> None:
    story.task("x")
    story.host("web1", "failed", {"failed": True, "msg": "m", "exception": "Traceback (most recent call last)"})
    out, _ = told(story, verbosity=2)
    assert "Traceback" not in out


def test_diffs_stand_before_their_line_and_only_when_changed(story: Any) -> None:
    diff = {"before": "a\n", "after": "b\n", "after_header": "/etc/x"}
    story.task("copy", "copy")
    story.host("web1", "changed", {"changed": True, "diff": diff})
    story.host("web2", "ok", {"changed": False, "diff": diff})
    story.item("web3", "changed", 1, {"changed": True, "diff": diff})
    story.host("web3", "changed", {"changed": True, "diff": diff}, looped=True)
    text = "--- before\n+++ after: /etc/x\n@@ -1 +1 @@\n-a\n+b\n\n"
    out, _ = told(story)
    assert out.split("***\n")[1] == f"{text}changed: [web1]\nok: [web2]\n{text}changed: [web3] => (item=1)\n"


def test_the_headline_is_said_again_when_tasks_interleave(story: Any) -> None:
    first = story.task("one")
    story.task("two")
    story.host("web1")
    story.host("web2", task_id=first)
    out, _ = told(story)
    heads = [line.split("]")[0] for line in out.splitlines() if line]
    assert heads == ["TASK [one", "TASK [two", "ok: [web1", "TASK [one", "ok: [web2"]


def test_a_headline_without_lines_is_not_said_while_other_tasks_go_on(story: Any) -> None:
    """Hosts that do not wait for each other: what comes first below a new headline may belong to an older one."""
    hosts = ["web1", "web2"]
    first = story.task("one", hosts=hosts)
    story.host("web1")
    second = story.task("two", hosts=hosts)
    story.host("web2", task_id=first)
    story.host("web1", task_id=second)
    story.host("web2", task_id=second)
    story.task("three", hosts=hosts)
    out, _ = told(story)
    heads = [line.split("]")[0] for line in out.splitlines() if line]
    assert heads == ["TASK [one", "ok: [web1", "ok: [web2", "TASK [two", "ok: [web1", "ok: [web2", "TASK [three"]


def test_the_next_play_is_told_at_once_though_a_host_failed_in_the_last(story: Any) -> None:
    story.play("first", ["web1", "web2"])
    story.task("one", hosts=["web1", "web2"])
    story.host("web1", "failed")
    story.play("second", ["web2"])
    story.task("two", hosts=["web2"])
    out, _ = told(story)
    assert "TASK [two]" in out


def test_the_source_of_a_failure_is_shown_once_beside_it(
    story: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site.yml").write_text('- hosts: web\n  tasks:\n    - debug: msg="{{ prt }}"\n')
    failed = {"failed": True, "msg": "site.yml:3:21: 'prt' is undefined"}
    story.task("x", origin="site.yml:3:7")
    story.host("web1", "failed", failed, where="site.yml:3:21")
    story.host("web2", "failed", failed, where="site.yml:3:21")
    out, err = told(story)
    assert err.splitlines() == [
        "site.yml:3:21",
        "  1 | - hosts: web",
        "  2 |   tasks:",
        '  3 |     - debug: msg="{{ prt }}"',
        "    |                     ^",
    ]
    assert "debug: msg" not in out


def test_a_host_cannot_have_a_file_shown(story: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden\n")
    story.task("x")
    story.host("web1", "failed", {"failed": True, "msg": f"{tmp_path}/secret:1:1: look"})
    out, err = told(story)
    assert "hidden" not in out + err


def test_warnings_go_to_the_error_stream_once(story: Any) -> None:
    story.task("x")
    story.host("web1", "ok", {"changed": False, "warnings": ["w \x1b[31m", {"msg": "v"}]})
    story.host("web2", "ok", {"changed": False, "warnings": ["w \x1b[31m"], "deprecations": [{"msg": "old"}]})
    going = [{"msg": "goes", "collection_name": name, "version": "3.0"} for name in ("a.b", "ansible.builtin")]
    story.host("web3", "ok", {"changed": False, "deprecations": going})
    story.warn("key is readable by all", where="site.yml:3:1")
    story.warn("slow", host="web1")
    out, err = told(story)
    assert "WARNING" not in out
    assert err == (
        "[WARNING]: w \\x1b[31m\n[WARNING]: v\n"
        "[WARNING]: Deprecation warnings can be disabled by setting `deprecation_warnings=False` in ansible.cfg.\n"
        "[DEPRECATION WARNING]: old\n"
        "[DEPRECATION WARNING]: goes. This feature will be removed from collection 'a.b' version 3.0.\n"
        "[DEPRECATION WARNING]: goes. This feature will be removed from ansible-core version 3.0.\n"
        "[WARNING]: site.yml:3:1: key is readable by all\n[WARNING]: web1: slow\n"
    )


def test_what_goes_away_is_told_where_that_is_wanted(story: Any) -> None:
    story.task("x")
    story.host("web1", "ok", {"changed": False, "warnings": ["w"], "deprecations": [{"msg": "old"}]})
    assert told(story, shown=Shown(deprecated=False))[1] == "[WARNING]: w\n"


def test_with_v_a_warning_is_said_for_each_host(story: Any) -> None:
    story.task("x")
    for host in ("web1", "web2"):
        story.host(host, "ok", {"changed": False, "warnings": ["w"]})
    _, err = told(story, verbosity=1)
    assert err == "[WARNING]: web1: w\n[WARNING]: web2: w\n"


def test_nothing_from_a_host_can_forge_lines_or_drive_the_terminal(story: Any) -> None:
    evil = "x\nPLAY RECAP ***\r\x1b]0;owned\x07\x9b31m\u202eetad"
    story.play(evil, [evil])
    story.task(evil)
    story.host(evil, "failed", {"failed": True, "msg": evil, evil: evil}, hint=evil, delegate=evil)
    story.item(evil, "ok", evil)
    story.retry(evil, 1)
    story.warn(evil, host=evil)
    story.end({evil: {"ok": 1}})
    out, err = told(story, verbosity=1)
    for char in ("\x1b", "\x07", "\r", "\x9b", "\u202e"):
        assert char not in out + err
    assert [line for line in out.splitlines() if line.startswith("PLAY RECAP")] == ["PLAY RECAP " + "*" * 69]
    fatal = next(line for line in out.splitlines() if line.startswith("fatal"))
    assert json.loads(fatal.split(" => ", 1)[1])["msg"] == evil  # escaped, not lost


@pytest.mark.parametrize("kind", ["run", "doctor"])
def test_only_plays_have_a_recap(story: Any, kind: str) -> None:
    story.run(kind=kind)
    story.end({"web1": {"ok": 1}})
    assert told(story)[0] == ""


def test_an_interrupted_run_says_so(story: Any) -> None:
    story.end({}, interrupted=True)
    assert "interrupted" in told(story)[1]


def test_an_error_of_the_playbook_leaves_no_recap_where_ansible_core_has_none(story: Any) -> None:
    story.end({"web1": {"ok": 1}}, broken=True)
    assert "PLAY RECAP" in told(story)[0]
    assert told(story, shown=Shown(recap_of_broken=False))[0] == ""


def test_recap_columns() -> None:
    assert recap_line("localhost", HostTally(ok=2)) == (
        "localhost                  : ok=2    changed=0    unreachable=0    failed=0    skipped=0    "
        "rescued=0    ignored=0   "
    )


def test_a_long_transfer_is_told_every_ten_seconds(story: Any) -> None:
    story.run(2)
    story.play("p", ["web1", "web2"])
    story.task("send")
    for second in range(3, 28):
        story.transfer("web1", 1000.0 + second, second << 20, 40 << 20, "da\x1bta")
    story.transfer("web2", 1028.0, 1 << 20, 40 << 20)
    story.host("web1", "changed")
    shown, _ = told(story)
    assert [line for line in shown.splitlines() if line.startswith("sending")] == [
        "sending: [web1] => da\\x1bta: 13 of 40 MiB (32 %)",
        "sending: [web1] => da\\x1bta: 23 of 40 MiB (57 %)",
    ]


def test_meta_tasks_have_headlines_where_ansible_core_has_them(story: Any) -> None:
    story.meta("leave", "web1", "ending play for web1")
    story.meta("leave", "web2", "end_host conditional evaluated to False", skipped=True)
    story.meta("wait", "web1", "noop", handler=True)
    out, _ = told(story, shown=Shown(meta=True))
    lines = [line.rstrip("* ") for line in out.splitlines() if line]
    assert lines == ["TASK [leave]", "TASK [leave]", "skipping: [web2]", "RUNNING HANDLER [wait]"]
    assert told(story) == ("", "")
    assert "META: ending play for web1" in told(story, verbosity=2)[0]


def test_what_ran_in_the_background_is_told_where_ansible_core_tells_it(story: Any) -> None:
    story.task("x")
    story.host("web1", "changed", {"changed": True, "ansible_job_id": "j1.2", "finished": True})
    story.host("web2", "failed", {"failed": True, "ansible_job_id": "j1.3", "finished": True})
    story.host("web3", "changed", {"changed": True, "ansible_job_id": "j1.4", "finished": False})
    story.polled("web4", "j1.5")
    judged = {"failed": True, "failed_when_result": True, "rc": 0, "ansible_job_id": "j1.6", "finished": True}
    story.host("web5", "failed", judged)
    lines = told(story, shown=Shown(meta=True))[0].splitlines()
    assert [line for line in lines if "ASYNC" in line] == [
        "ASYNC OK on web1: jid=j1.2",
        "ASYNC FAILED on web2: jid=j1.3",
        "ASYNC POLL on web4: jid=j1.5 started=True finished=False",
        "ASYNC OK on web5: jid=j1.6",
    ]
    assert "ASYNC" not in told(story)[0]
    assert "ASYNC" not in told(story)[0]


def test_the_place_of_a_failure_by_itself(story: Any) -> None:
    story.run()
    story.play("web", ["web1"])
    story.task("one", origin="site.yml:7:5")
    story.host("web1", "failed", {"failed": True, "msg": "no"})
    out, _ = told(story, shown=Shown(places=True))
    assert "\ntask path: HERE/site.yml:7\nfatal: [web1]: FAILED!" in out
    assert out.count("task path:") == 1
    assert told(story, shown=Shown(places=True), verbosity=2)[0].count("task path:") == 1, "the headline has it"
    assert "task path:" not in told(story)[0]
