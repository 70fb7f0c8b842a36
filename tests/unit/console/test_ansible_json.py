"""A run as JSON in the forms of ansible.posix's callbacks."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from stella_ops.console.ansible_json import AnsibleJsonReporter


def told(story: Any, **options: Any) -> tuple[str, str]:
    out, errors = io.StringIO(), io.StringIO()
    story.tell(AnsibleJsonReporter(out, errors=errors, **options))
    return out.getvalue(), errors.getvalue()


def a_run(story: Any, **play: Any) -> None:
    story.run(hosts=2)
    story.play("web", ["a", "b"], origin="site.yml:1:3", **play)
    story.task("say", "debug", hosts=["a", "b"], origin="site.yml:4:7")
    story.started("a")
    story.host("a", "changed", {"changed": True, "failed": False, "warnings": ["look"], "bytes": b"\xff"})
    story.started("b")
    story.host("b", "ignored", {"changed": False, "failed": True, "msg": float("nan")})
    story.task("count", "set_stats", hosts=["a"])
    story.started("a")
    story.host("a", "skipped", {"skipped": True, "ansible_stats": {"data": {"n": 2}, "per_host": False}})
    story.task("try", "ping", hosts=["b"], handler=True)
    story.started("b")
    story.host("b", "unreachable", {"unreachable": True, "msg": "gone"})
    story.end({"b": {"ok": 1, "unreachable": 1, "ignored": 1}, "a": {"ok": 1, "changed": 1, "skipped": 1}})


def test_one_document_at_the_end(story: Any) -> None:
    a_run(story)
    out, errors = told(story, custom_stats=True)
    assert errors == "[WARNING]: look\n"
    assert out.startswith('{\n    "custom_stats": {},\n    "global_custom_stats": {\n')
    found = json.loads(out)
    assert found["global_custom_stats"] == {"n": 2}
    assert found["stats"]["b"] == {
        **{"ok": 1, "failures": 0, "unreachable": 1, "changed": 0, "skipped": 0, "rescued": 0, "ignored": 1}
    }
    [play] = found["plays"]
    assert play["play"]["name"] == "web"
    assert play["play"]["path"] == f"{Path.cwd()}/site.yml:1"
    assert play["play"]["duration"] == {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:00:00Z"}
    assert [task["task"]["name"] for task in play["tasks"]] == ["say", "count", "try"]
    assert len({task["task"]["id"] for task in play["tasks"]}) == 3
    assert play["tasks"][0]["hosts"]["a"] == {
        **{"action": "debug", "changed": True, "warnings": ["look"], "bytes": "\\xff"}
    }
    assert play["tasks"][0]["hosts"]["b"] == {"action": "debug", "changed": False, "failed": True, "msg": None}
    assert play["tasks"][1]["hosts"]["a"]["skipped"] is True
    assert "failed" not in play["tasks"][2]["hosts"]["b"]


def test_hosts_that_do_not_wait_have_tasks_of_their_own(story: Any) -> None:
    a_run(story, strategy="free")
    found = json.loads(told(story, indent=0)[0])
    tasks = found["plays"][0]["tasks"]
    assert [(task["task"]["name"], *task["hosts"]) for task in tasks] == [
        *[("say", "a"), ("say", "b"), ("count", "a"), ("try", "b")]
    ]
    assert found["global_custom_stats"] == {}


def test_a_line_for_each_thing_that_happens(story: Any) -> None:
    a_run(story)
    out, _ = told(story, lines=True, indent=0)
    found = [json.loads(line) for line in out.splitlines()]
    assert [each["_event"] for each in found] == [
        *["v2_playbook_on_play_start", "v2_playbook_on_task_start", "v2_runner_on_ok", "v2_runner_on_failed"],
        *["v2_playbook_on_task_start", "v2_runner_on_skipped"],
        *["v2_playbook_on_handler_task_start", "v2_runner_on_unreachable", "v2_playbook_on_stats"],
    ]
    assert found[2]["hosts"].keys() == {"a"}, "what has been told is not told again"
    assert found[3]["hosts"].keys() == {"b"}
    assert "plays" not in found[-1]
