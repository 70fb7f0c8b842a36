"""What one bad host, one bad action or one bad keyword does to a play. Wording and order of the common cases
are compared with ansible-core in tests/integration/play."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.actions import debug
from stella_ops.engine.events import HostFinished, ItemFinished, RetryWaiting, TaskStarted, to_json
from stella_ops.errors import AuthenticationError, ModuleCrashError, TaskTimeoutError

HEAD = "- hosts: all\n  gather_facts: false\n"


def bad_on(host: str, problem: Exception) -> Callable[..., Any]:
    def answer(name: str, call: Any) -> dict[str, Any]:
        if name == host:
            raise problem
        return {"changed": False}

    return answer


async def test_an_exception_in_an_action_is_that_hosts_failure(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    really = debug.run

    async def trips(context: Any, args: Any) -> Any:
        if context.host == "a":
            raise ZeroDivisionError("inside the action")
        return await really(context, args)

    monkeypatch.setattr(debug, "run", trips)
    played = await play(HEAD + "  tasks:\n    - debug: msg=x\n    - ping:\n")
    assert played.code == 2
    assert played.seen.statuses("debug") == {"a": "failed", "b": "ok"}
    assert played.seen.statuses("ping") == {"b": "ok"}
    [finished] = [e for e in played.seen.of(HostFinished) if e.host == "a"]
    assert finished.result["msg"].startswith("a defect in stella-ops: ZeroDivisionError")
    assert "inside the action" in finished.result["exception"] and "-vvv" in finished.hint


async def test_an_exception_of_the_engines_own_is_one_hosts_failure_too(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from stella_ops.engine.preparation import Preparation

    really = Preparation.prepare

    def trips(self: Any, task: Any, host: str, *rest: Any, **more: Any) -> Any:
        if host == "b":
            raise RuntimeError("engine")
        return really(self, task, host, *rest, **more)

    monkeypatch.setattr(Preparation, "prepare", trips)
    played = await play(HEAD + "  tasks: [ping: ]\n")
    assert played.seen.statuses("ping") == {"a": "ok", "b": "failed"}


@pytest.mark.parametrize(
    ("problem", "status", "code"),
    [
        (AuthenticationError("refused", hint="check the key"), "unreachable", 4),
        (ModuleCrashError("died"), "failed", 2),
        (TaskTimeoutError("too long"), "failed", 2),
        (OSError(28, "No space left on device"), "failed", 2),
    ],
)
async def test_one_bad_host_never_stops_the_others(
    play: Callable[..., Any], problem: Exception, status: str, code: int
) -> None:
    played = await play(HEAD + "  tasks:\n    - ping:\n    - command: echo\n", answer=bad_on("a", problem))
    assert played.code == code
    assert played.seen.statuses("ping") == {"a": status, "b": "ok"}
    assert played.seen.statuses("command") == {"b": "ok"}


async def test_a_host_cannot_speak_to_the_engine(play: Callable[..., Any]) -> None:
    def answer(name: str, call: Any) -> dict[str, Any]:
        return {"_variables": True, "_hint": "lie", "_ansible_no_log": False, "ansible_facts": {"x": "fact"}}

    text = HEAD + "  vars: {x: play}\n  tasks:\n    - ping:\n      register: r\n    - debug: msg='{{ x }} {{ r }}'\n"
    played = await play(text, hosts="a,", answer=answer)
    [finished] = [e for e in played.seen.of(HostFinished) if e.task == "ping"]
    assert finished.hint is None
    # A fact ranks below the play's variables; only set_fact ranks above.
    assert played.seen.results("debug")["a"]["msg"].startswith("play ")
    assert "lie" not in str(played.seen.results("debug"))


async def test_what_hosts_say_is_never_a_template(play: Callable[..., Any], tmp_path: Any) -> None:
    evil = "{{ lookup('pipe', 'touch " + str(tmp_path / "pwned") + "') }}"

    def answer(name: str, call: Any) -> dict[str, Any]:
        return {"stdout": evil, "ansible_facts": {"evil_fact": evil}, "list": [evil, {"k": evil}]}

    text = HEAD + "\n".join(
        [
            "  tasks:",
            "    - ping:",
            "      register: r",
            "    - debug: msg='{{ r.stdout }} {{ evil_fact }} {{ hostvars.a.evil_fact }}'",
            "    - set_fact: {copy: '{{ r.stdout }}', deep: {list: '{{ r.list }}'}}",
            "    - debug: {msg: '{{ item }}'}",
            "      name: loop",
            "      loop: '{{ deep.list }}'",
            "    - debug: {var: copy}",
            "      name: '{{ copy }}'",
            "      when: copy is defined and copy | length > 3",
            "    - command: echo {{ copy }}",
            "      environment: {X: '{{ copy }}'}",
            "    - assert: {that: [copy == r.stdout]}",
            "    - fail: {msg: '{{ copy }}'}",
            "      ignore_errors: true",
            "      register: f",
            "    - debug: {msg: '{{ f.msg }} {{ given }}'}",
            "      name: last",
        ]
    )
    from stella_ops.origins import Origin, SourceText

    played = await play(
        text, hosts="a,", answer=answer, extra_vars={"given": SourceText("{{ r.stdout }}", Origin("-e"))}
    )
    assert played.code == 0
    assert played.seen.results("debug")["a"]["msg"] == f"{evil} {evil} {evil}"
    assert played.seen.results("last")["a"]["msg"] == f"{evil} {evil}"
    assert [e.item for e in played.seen.of(ItemFinished)] == [evil, {"k": evil}]
    assert played.pool.calls[-1][1].environment == {"X": evil}
    assert not (tmp_path / "pwned").exists()


NO_LOG = """
    - command: echo CANARY
      no_log: true
      register: r
    - command: echo
      loop: [CANARY, CANARY2]
      loop_control: {label: "label CANARY"}
      no_log: true
    - debug: msg="{{ 'CANARY' + 1 }}"
      no_log: true
      ignore_errors: true
    - command: echo CANARY
      no_log: "{{ undefined_CANARY }}"
      ignore_errors: true
    - fail: msg=CANARY
      no_log: true
      ignore_errors: true
    - command: echo CANARY
      no_log: true
      until: false
      retries: 1
      delay: 0
      ignore_errors: true
"""


async def test_no_log_leaves_nothing_in_events(play: Callable[..., Any]) -> None:
    def answer(name: str, call: Any) -> dict[str, Any]:
        if name == "b":
            raise ModuleCrashError("crashed with CANARY", hint="CANARY")
        return {"stdout": "CANARY", "diff": {"before": "CANARY", "after": ""}, "warnings": ["CANARY"]}

    played = await play(HEAD + "  tasks:\n" + NO_LOG, answer=answer, diff=True)
    assert played.seen.of(RetryWaiting) and played.seen.of(ItemFinished)
    shown = json.dumps([to_json(event) for event in played.seen.events], default=str)
    assert "CANARY" not in shown
    assert not any(call.diff for _, call, _ in played.pool.calls)  # a diff is not even asked for


async def test_no_log_of_an_unforeseen_exception(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def trips(context: Any, args: Any) -> Any:
        raise ValueError(f"cannot handle {args['msg']}")

    monkeypatch.setattr(debug, "run", trips)
    played = await play(HEAD + "  tasks:\n    - debug: msg=CANARY\n      no_log: true\n", hosts="a,")
    assert "CANARY" not in repr(played.seen.events)


async def test_secrets_of_the_run_are_masked_in_results_items_and_names(play: Callable[..., Any]) -> None:
    text = HEAD + "  vars: {pw: CANARY-pw}\n  tasks:\n    - ping:\n      become: true\n"
    text += "    - name: use {{ pw }}\n      command: echo\n      loop: ['{{ pw }}', x]\n"
    text += "    - debug: msg='{{ pw + 1 }}'\n"
    played = await play(
        text,
        hosts='a ansible_become_password="{{ pw }}"\n',
        answer=lambda host, call: {"stdout": "CANARY-pw", "warnings": ["CANARY-pw"]},
    )
    assert "CANARY" not in repr(played.seen.events)
    assert any("********" in event.task for event in played.seen.of(TaskStarted))


async def test_retries_wait_and_tell(play: Callable[..., Any]) -> None:
    answers = iter([1, 1, 0])
    text = (
        HEAD
        + "  tasks:\n    - command: x\n      register: r\n      until: r.rc == 0\n      retries: 5\n      delay: 0\n"
    )
    played = await play(text, hosts="a,", answer=lambda host, call: {"rc": next(answers)})
    assert [event.left for event in played.seen.of(RetryWaiting)] == [5, 4]
    assert played.seen.results("command")["a"]["attempts"] == 3


async def test_omit_leaves_out_arguments_delegates_and_loops(play: Callable[..., Any]) -> None:
    text = (
        HEAD
        + "  tasks:\n    - file: {path: /x, mode: '{{ m | default(omit) }}'}\n"
        + "      delegate_to: '{{ d | default(omit) }}'\n"
    )
    text += "    - ping:\n      loop: '{{ l | default(omit) }}'\n"
    played = await play(text, hosts="a,")
    assert dict(played.pool.calls[0][1].args) == {"path": "/x"}
    assert played.pool.calls[0][0].name == "a"
    assert played.seen.statuses("ping") == {"a": "skipped"}


async def test_a_number_that_is_none(play: Callable[..., Any]) -> None:
    played = await play(HEAD + "  vars: {t: soon}\n  tasks:\n    - ping:\n      timeout: '{{ t }}'\n", hosts="a,")
    said = "Error processing keyword 'timeout': The value 'soon' could not be converted to 'int'."
    assert said in played.seen.results("ping")["a"]["msg"]


async def test_modules_without_check_mode_are_skipped_under_it(play: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    source = '"""Cannot pretend."""\nARGUMENTS = {}\nSUPPORTS_CHECK = False\n'
    (tmp_path / "modules" / "reckless.py").write_text(source)
    text = HEAD + "  tasks:\n    - reckless:\n    - ping:\n"
    played = await play(text, hosts="a,", check=True, module_folders=(tmp_path / "modules",))
    assert [(call.module, call.check) for _, call, _ in played.pool.calls] == [("ping", True)]
    assert played.seen.statuses("reckless") == {"a": "skipped"}
    played = await play(text, hosts="a,", module_folders=(tmp_path / "modules",))
    assert [call.module for _, call, _ in played.pool.calls] == ["reckless", "ping"]


async def test_what_an_action_leaves_unshown_is_registered_all_the_same(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    really = debug.run

    async def quiet(context: Any, args: Any) -> Any:
        return {**await really(context, args), "_unshown": {"bulk": "a very long story"}}

    monkeypatch.setattr(debug, "run", quiet)
    text = "  tasks:\n    - debug: msg=x\n      register: r\n    - assert: {that: r.bulk is search('story')}\n"
    played = await play(HEAD + text)
    assert played.code == 0
    assert "long story" not in json.dumps([to_json(e) for e in played.seen.of(HostFinished) if e.task == "debug"])


async def test_a_module_cannot_say_what_is_unshown(play: Callable[..., Any]) -> None:
    text = "  tasks:\n    - ping:\n      register: r\n    - assert: {that: r.bulk is not defined}\n"
    played = await play(HEAD + text, answer=lambda name, call: {"changed": False, "_unshown": {"bulk": "hidden"}})
    assert played.code == 0


async def test_who_rescues_a_failure_is_told_its_hint(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from stella_ops.actions import fail

    async def fails(context: Any, args: Any) -> Any:
        return {"failed": True, "msg": "no", "_hint": "try again"}

    monkeypatch.setattr(fail, "run", fails)
    text = "  tasks:\n    - block:\n        - fail:\n      rescue:\n"
    text += "        - assert: {that: ansible_failed_result.hint == 'try again'}\n"
    assert (await play(HEAD + text)).code == 0
