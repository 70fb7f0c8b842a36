"""A run that is cut off anywhere and resumed ends as one that was not, and does nothing twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from stella_ops.engine.events import HostFinished, Warned
from stella_ops.engine.journal import Journal, Record, encode
from stella_ops.engine.past import Past, read
from stella_ops.engine.resuming import take_up
from stella_ops.errors import ResumeError
from stella_ops.playbook.model import Playbook

PLAYBOOK = """
- name: first
  hosts: web
  vars_prompt: [{name: answer, prompt: "?", private: false}]
  vars: {colour: blue}
  tasks:
    - name: t1
      command: t1 {{ answer }}
      register: r1
      notify: [h1, later]
    - set_fact: {mine: "{{ r1.stdout }} {{ ansible_facts.os }}", numbers: {1: one}, shade: "{{ colour }}"}
    - name: t2
      command: t2 {{ item.key }}
      loop: "{{ [{'key': 1}, {'key': inventory_hostname}] }}"
      register: r2
    - include_vars: vars.yml
    - name: fails for a
      command: tf {{ from_file }}
      register: rf
      ignore_errors: true
    - include_tasks: "{{ item }}.yml"
      loop: ["more", "{{ 'other' if inventory_hostname == 'b' else 'more' }}"]
    - include_role: {name: r}
      vars: {par: 5}
    - block:
        - name: t3
          command: t3
        - name: rescued on a
          command: tr
        - name: t4
          command: t4
          register: r4
      rescue:
        - name: t5
          command: t5 {{ ansible_failed_task.name }} {{ ansible_failed_result.msg }}
          notify: h2
      always:
        - name: t6
          command: t6
    - meta: flush_handlers
    - name: once
      command: once
      run_once: true
      register: ro
    - name: delegated
      setup:
      delegate_to: b
      delegate_facts: true
      when: inventory_hostname == 'a'
    - meta: end_host
      when: inventory_hostname == 'c'
    - add_host: {name: "new:2200", groups: [fresh], made: "{{ ro.stdout }}"}
    - group_by: {key: "os_{{ ansible_facts.os }}"}
    - name: t7
      command: t7 {{ r1.stdout }} {{ mine }} {{ from_file }} {{ ro.stdout }}
      notify: h2
  handlers:
    - name: h1
      command: h1
      notify: h2
    - name: h2
      command: h2
    - name: h3
      listen: later
      command: h3
      register: rh
- name: second
  hosts: fresh:os_*
  serial: 2
  gather_facts: false
  tasks:
    - name: s1
      command: s1 {{ hostvars['a'].mine }} {{ made | default('') }}
      register: s1
    - name: s2
      command: s2 {{ s1.stdout }}
- name: third
  hosts: web
  strategy: free
  gather_facts: false
  tasks:
    - name: f1
      command: f1
      register: f1
      notify: g
    - include_tasks: more.yml
    - name: f2
      command: f2 {{ f1.stdout }}
  handlers:
    - name: g
      command: g
"""

FILES = {
    "vars.yml": "from_file: 'of {{ inventory_hostname }}'\n",
    "more.yml": "- {name: m1, command: 'm1 {{ item | default(0) }}', register: rm}\n- {name: m2, command: m2}\n",
    "other.yml": "- {name: o1, command: o1, register: oo}\n",
    "roles/r/tasks/main.yml": "- {name: r1, command: 'r1 {{ par }}', notify: rh}\n",
    "roles/r/handlers/main.yml": "- {name: rh, command: rh}\n",
    "roles/r/defaults/main.yml": "deflt: 1\n",
}
HOSTS = "[web]\na\nb\nc\n"


class Hosts:
    """Hosts in memory: what they were asked, and which commands fail."""

    def __init__(self, *failing: tuple[str, str]) -> None:
        self.failing = {("tf", "a"), ("tr", "a"), *failing}
        self.did: list[tuple[str, str]] = []

    def __call__(self, host: str, call: Any) -> dict[str, Any]:
        if call.module == "setup":
            self.did.append(("setup", host))
            return {"changed": False, "ansible_facts": {"ansible_os": f"os-{host}", "ansible_deep": {"list": [1, {}]}}}
        text = str(call.args.get("_raw_params") or call.args.get("cmd") or call.args.get("argv"))
        word = text.split(" ")[0]
        # Which host runs it is not the point.
        self.did.append((word, "one" if word.startswith("once") else host))
        failed = self.did[-1] in self.failing or (word, host) in self.failing
        return {"changed": True, "rc": int(failed), "failed": failed, "msg": f"said {word}", "stdout": f"out of {text}"}


class Records:
    """A journal in memory, as the store would give it back."""

    def __init__(self, before: Sequence[Any] = ()) -> None:
        self.kept: list[Any] = list(before)
        # How much the hosts had done by then.
        self.did: list[int] = []
        self.hosts: Hosts | None = None

    def keep(self, record: Record) -> None:
        self.kept.append(json.loads(json.dumps(encode(record))))
        self.did.append(len(self.hosts.did) if self.hosts else 0)


def state(played: Any) -> dict[str, Any]:
    """All that is known of the hosts at the end."""
    found = {}
    for name, known in played.context.states.items():
        found[name] = {
            "vars": known.set_facts,
            "included": dict(known.included),
            "facts": known.facts,
            "failed": known.failed,
            "groups": played.context.inventory.group_names(name),
        }
    return found


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(play: Callable[..., Any], files: Path) -> Callable[..., Any]:
    """Runs the playbook, journalled, and goes on with what is in ``records``."""

    async def go(hosts: Hosts, records: Records, *, resume: bool = False, text: str = PLAYBOOK, **more: Any) -> Any:
        records.hosts = hosts

        def journal(books: list[Playbook]) -> Journal:
            if not resume:
                return Journal(records)
            past: Past = read(json.loads(json.dumps(records.kept)))
            changes = take_up(past, books)
            records.keep(("resumed", [list(pair) for pair in changes.plays.items()], "earlier"))
            for number, moves in changes.tasks.items():
                records.keep(("moved", number, moves))
            return Journal(records, past)

        asked = ["never again"] if resume else []

        def ask(prompt: Any) -> Any:
            assert not asked or more.get("asks"), "the operator is asked twice"
            return "blue"

        options = {name: value for name, value in more.items() if name != "asks"}
        return await play(text, hosts=HOSTS, answer=hosts, journal=journal, ask=ask, **options)

    return go


def ends(records: Records) -> list[int]:
    """The lengths at which a task's end has just been written."""
    return [index + 1 for index, record in enumerate(records.kept) if record[0] == "end"]


async def test_cut_off_anywhere(run: Callable[..., Any]) -> None:
    """Killed after the n-th end of a task, for every n; also while several hosts are at work."""
    whole, records = Hosts(), Records()
    uninterrupted = await run(whole, records)
    wanted = state(uninterrupted)
    assert len(ends(records)) > 70
    for length in ends(records):
        hosts, again = Hosts(), Records(records.kept[:length])
        resumed = await run(hosts, again, resume=True, asks=True)
        assert state(resumed) == wanted, records.kept[length - 1]
        done = whole.did[: records.did[length - 1]]
        twice = Counter(done) + Counter(hosts.did) - Counter(whole.did)
        # What was in flight on the other hosts had no end.
        assert not Counter(whole.did) - Counter(done) - Counter(hosts.did), records.kept[length - 1]
        assert sum(twice.values()) <= 2 + 2, (records.kept[length - 1], twice)


async def test_cut_off_twice(run: Callable[..., Any]) -> None:
    whole, records = Hosts(), Records()
    wanted = state(await run(whole, records))
    for length in ends(records)[::13]:
        second = Records(records.kept[:length])
        await run(Hosts(), second, resume=True, asks=True)
        for further in [n for n in ends(second) if n > length][::13]:
            third = Records(second.kept[:further])
            assert state(await run(Hosts(), third, resume=True, asks=True)) == wanted


FAILURES = [
    *(("t1", h) for h in "abc"),
    ("t2", "b"),
    ("m1", "a"),
    ("o1", "b"),
    ("r1", "c"),
    ("t5", "a"),
    ("t6", "b"),
    ("once", "a"),
    ("h1", "a"),
    ("h2", "c"),
    ("t7", "b"),
    ("s1", "new"),
    ("s2", "b"),
    ("f1", "a"),
    ("m2", "b"),
    ("g", "c"),
]


@pytest.mark.parametrize("failing", FAILURES, ids="-".join)
async def test_failed_anywhere(run: Callable[..., Any], failing: tuple[str, str]) -> None:
    whole = Hosts()
    wanted = state(await run(whole, Records()))
    hosts, records = Hosts(failing), Records()
    failed = await run(hosts, records)
    assert failed.code == 2
    before = Counter(hosts.did)
    mended = Hosts()
    resumed = await run(mended, records, resume=True)
    assert resumed.code == 0
    assert state(resumed) == wanted
    after = Counter(mended.did)
    twice = before + after - Counter(whole.did)
    word, host = failing if failing[0] != "once" else ("once", "one")
    # The items of a loop are one task; what always runs does so again after what it is always for.
    allowed = {(word, host): 2, ("t6", host): 1} if word in ("t2", "t5") else {(word, host): 2}
    assert all(count <= allowed.get(key, 0) for key, count in twice.items()), twice
    assert not Counter(whole.did) - before - after
    third = await run(Hosts(), records, resume=True)
    assert third.pool.calls == [] and not third.seen.of(HostFinished)


FATAL = """
- hosts: web
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - block:
        - {name: t1, command: t1, notify: h}
        - {name: t2, command: t2}
        - {name: t3, command: t3}
      always:
        - {name: t4, command: t4}
    - {name: t5, command: t5}
  handlers:
    - {name: h, command: h}
"""


@pytest.mark.parametrize("how", ["any_errors_fatal: true", "max_fail_percentage: 10", "max_fail: 0"])
async def test_hosts_that_others_took_along(run: Callable[..., Any], how: str) -> None:
    hosts, records = Hosts(("t2", "b")), Records()
    text = FATAL.replace("any_errors_fatal: true", how)
    await run(hosts, records, text=text)
    assert Counter(word for word, _ in hosts.did)["t3"] == 0
    mended = Hosts()
    resumed = await run(mended, records, resume=True, text=text)
    assert resumed.code == 0
    each = Counter({(word, host): 1 for word in ("t3", "t4", "t5", "h") for host in "abc"})
    assert Counter(mended.did) == each + Counter({("t2", "b"): 1})


async def test_forced_handlers_of_hosts_that_others_took_along(run: Callable[..., Any]) -> None:
    text = FATAL.replace("any_errors_fatal: true", "any_errors_fatal: true\n  force_handlers: true")
    hosts, records = Hosts(("t2", "b")), Records()
    await run(hosts, records, text=text)
    assert {host for word, host in hosts.did if word == "h"} == set("abc")
    mended = Hosts()
    await run(mended, records, resume=True, text=text)
    each = Counter({(word, host): 1 for word in ("t3", "t4", "t5") for host in "abc"})
    assert Counter(mended.did) == each + Counter({("t2", "b"): 1})


async def test_a_handler_that_is_notified_after_it_was_forced_runs_in_the_end(run: Callable[..., Any]) -> None:
    text = """
- hosts: a
  gather_facts: false
  force_handlers: true
  tasks:
    - {name: t1, command: t1, notify: h}
    - {name: t2, command: t2}
    - {name: t3, command: t3, notify: h}
    - {name: t4, command: t4}
    - {name: t5, command: t5}
  handlers:
    - {name: h, command: h}
"""
    first, records = Hosts(("t2", "a")), Records()
    await run(first, records, text=text)
    assert ("h", "a") in first.did
    second = Hosts(("t4", "a"))
    await run(second, records, resume=True, text=text.replace("force_handlers: true", "force_handlers: false"))
    assert [word for word, _ in second.did] == ["t2", "t3", "t4"]
    third = Hosts()
    await run(third, records, resume=True, text=text)
    assert [word for word, _ in third.did] == ["t4", "t5", "h"]


async def test_forced_handlers_are_not_run_again(run: Callable[..., Any]) -> None:
    text = FATAL.replace("any_errors_fatal: true", "force_handlers: true")
    hosts, records = Hosts(("t2", "b")), Records()
    await run(hosts, records, text=text)
    assert ("h", "b") in hosts.did
    mended = Hosts()
    await run(mended, records, resume=True, text=text)
    assert Counter(mended.did) == Counter({(word, "b"): 1 for word in ("t2", "t3", "t4", "t5")})


MORE = {
    "nested blocks": """
- hosts: web
  gather_facts: false
  tasks:
    - block:
        - block:
            - {name: n1, command: n1}
            - {name: n2, command: n2, register: n2, notify: h}
          rescue:
            - {name: n3, command: n3}
            - {name: n4, command: "n4 {{ ansible_failed_task.name }}", failed_when: inventory_hostname == 'b'}
          always:
            - {name: n5, command: n5, register: n5}
        - {name: n6, command: n6}
      rescue:
        - {name: n7, command: "n7 {{ ansible_failed_task.name }}", notify: h}
      always:
        - {name: n8, command: n8}
    - {name: n9, command: "n9 {{ n5.stdout }}"}
  handlers:
    - {name: h, command: h}
""",
    "errors that are fatal in a rescue": """
- hosts: web
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - block:
        - {name: e1, command: e1}
        - {name: e2, command: e2}
      rescue:
        - {name: e3, command: e3, register: e3, any_errors_fatal: false}
    - {name: e4, command: "e4 {{ e3.stdout | default('') }}"}
""",
    "errors that are cleared": """
- hosts: web
  gather_facts: false
  pre_tasks:
    - {name: c1, command: c1, register: c1, notify: h}
    - meta: clear_host_errors
  tasks:
    - {name: c2, command: c2}
    - meta: end_host
      when: c1.rc == 0 and inventory_hostname == 'c'
    - {name: c3, command: "c3 {{ c1.rc }}"}
  handlers:
    - {name: h, command: h}
""",
    "roles and batches": """
- hosts: web
  gather_facts: false
  serial: [1, 2]
  order: shuffle
  roles:
    - {role: r, par: 1}
    - {role: r, par: 2}
  tasks:
    - include_role: {name: r}
      vars: {par: "{{ item }}"}
      loop: [3, 4]
    - {name: b1, command: "once1 {{ item }}", loop: [1, 2], register: b1, run_once: true}
    - {name: b2, command: "b2 {{ b1.results | length }}", delegate_to: a, notify: h}
    - meta: end_batch
      when: false
  handlers:
    - include_tasks: more.yml
      listen: h
""",
    "hosts by themselves": """
- hosts: web
  strategy: host_pinned
  tasks:
    - {name: p1, command: "p1 {{ ansible_facts.os }}", register: p1, notify: h}
    - include_tasks: more.yml
      when: inventory_hostname != 'c'
    - block:
        - {name: p2, command: p2}
      rescue:
        - {name: p3, command: p3}
    - meta: flush_handlers
    - {name: p4, command: "p4 {{ p1.stdout }}", throttle: 1}
  handlers:
    - {name: h, command: h, register: h}
""",
}


@pytest.mark.parametrize("name", MORE)
async def test_more_plays_cut_off_and_failed_everywhere(run: Callable[..., Any], name: str) -> None:
    text = MORE[name]
    for rescued in [(), (("n2", "b"), ("n1", "a"), ("e2", "c"), ("c1", "b"), ("p2", "c"))]:
        whole, records = Hosts(*rescued), Records()
        uninterrupted = await run(whole, records, text=text)
        wanted = state(uninterrupted)
        assert uninterrupted.code == 0
        for length in ends(records):
            again = Records(records.kept[:length])
            resumed = await run(Hosts(*rescued), again, resume=True, text=text)
            assert (state(resumed), resumed.code) == (wanted, 0), records.kept[length - 1]
        for failing in dict.fromkeys(whole.did):
            hosts, broken = Hosts(*rescued, failing), Records()
            if (await run(hosts, broken, text=text)).code == 0:
                continue  # something rescued it
            mended = Hosts(*rescued)
            resumed = await run(mended, broken, resume=True, text=text)
            assert (state(resumed), resumed.code) == (wanted, 0), failing
            assert not Counter(whole.did) - Counter(hosts.did) - Counter(mended.did), failing


async def test_a_block_that_was_given_up_begins_again(run: Callable[..., Any]) -> None:
    text = """
- hosts: web
  gather_facts: false
  tasks:
    - {name: g0, command: g0}
    - block:
        - {name: g1, command: g1}
        - block:
            - {name: g2, command: g2}
          always:
            - {name: g3, command: g3}
        - {name: g4, command: g4}
      rescue:
        - {name: g5, command: g5}
        - fail: {msg: given up}
    - {name: g6, command: g6}
"""
    hosts, records = Hosts(("g2", "b")), Records()
    assert (await run(hosts, records, text=text)).code == 2
    assert [word for word, host in hosts.did if host == "b"] == ["g0", "g1", "g2", "g3", "g5"]
    cut = ends(records)[-1]
    mended = Hosts()
    assert (await run(mended, records, resume=True, text=text)).code == 0
    assert mended.did == [(word, "b") for word in ("g1", "g2", "g3", "g4", "g6")]
    # Killed before it gave up, it goes on with what is left of the rescue section.
    again = Hosts()
    index = next(i for i, record in enumerate(records.kept) if record[0] == "end" and record[-1].get("u"))
    assert (await run(again, Records(records.kept[:index]), resume=True, text=text)).code == 2
    assert ("g1", "b") not in again.did and cut > index


async def test_some_hosts_now_and_the_others_later(run: Callable[..., Any]) -> None:
    whole = Hosts()
    wanted = state(await run(whole, Records()))
    hosts, records = Hosts(*(("r1", host) for host in "abc")), Records()
    await run(hosts, records)
    some = Hosts()
    await run(some, records, resume=True, limit="c")
    assert {host for _, host in some.did} <= {"c", "one"}
    others = Hosts()
    resumed = await run(others, records, resume=True)
    assert resumed.code == 0
    assert {host for _, host in others.did} == {"a", "b", "new"}  # once ran already
    found = state(resumed)
    assert {name: found[name]["vars"] for name in "ab"} == {name: wanted[name]["vars"] for name in "ab"}


async def test_what_is_asked_is_asked_once(run: Callable[..., Any]) -> None:
    records = Records()
    await run(Hosts(("t1", "a")), records)
    resumed = await run(Hosts(), records, resume=True)
    assert resumed.context.states["a"].set_facts["r1"]["stdout"] == "out of t1 blue"


def _edited(*changes: tuple[str, str]) -> str:
    text = PLAYBOOK
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


async def test_files_that_were_edited(run: Callable[..., Any], files: Path) -> None:
    hosts, records = Hosts(("t7", "b")), Records()
    await run(hosts, records)
    (files / "more.yml").write_text("- {name: m0, command: m0}\n" + FILES["more.yml"], encoding="utf-8")
    text = _edited(
        ("    - name: t1\n", "    - {name: t0, command: t0}\n    - name: t1\n"),
        ("    - name: t7\n      command: t7", "    - command: mend\n    - name: t7\n      command: t7b"),
    )
    mended = Hosts()
    resumed = await run(mended, records, resume=True, text=text)
    assert resumed.code == 0
    did = Counter(mended.did)
    assert did["mend", "b"] == did["t7b", "b"] == did["h2", "b"] == did["s2", "b"] == 1
    assert not {"t0", "t1", "t2", "r1"} & {word for word, _ in did}
    # The third play is still before b, but behind a and c.
    assert [host for word, host in did if word == "m0"] == ["b"]
    told = [event.message for event in resumed.seen.of(Warned)]
    assert any("'t0' is new" in message for message in told) and any("'m0' is new" in message for message in told)
    again = await run(Hosts(), records, resume=True, text=text)
    assert again.pool.calls == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("    - name: t7\n", "    - name: t7x\n"), "the task 't7' that b is to go on at is not in the play"),
        (("- name: first\n", "- name: another\n"), "the play 'first' is not in the playbook any more"),
    ],
)
async def test_a_place_that_is_gone_is_refused(run: Callable[..., Any], change: tuple[str, str], said: str) -> None:
    records = Records()
    await run(Hosts(("t7", "b")), records)
    hosts = Hosts()
    with pytest.raises(ResumeError, match=said):
        await run(hosts, records, resume=True, text=_edited(change))
    assert hosts.did == []


async def test_a_place_in_an_include_that_is_gone_is_refused(run: Callable[..., Any], files: Path) -> None:
    records = Records()
    await run(Hosts(("m2", "b")), records)
    (files / "more.yml").write_text("- {name: m1, command: m1, register: rm}\n", encoding="utf-8")
    with pytest.raises(ResumeError, match="the task 'm2'"):
        await run(Hosts(), records, resume=True)
