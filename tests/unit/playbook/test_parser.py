from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stella_ops.cli.modules import module_index
from stella_ops.origins import Origin, SourceText
from stella_ops.playbook.model import Block, Handler, Inherited, Play, Task, walk_tasks
from stella_ops.playbook.parser import load_playbook, parse_tasks
from stella_ops.source_files import load_yaml


@pytest.fixture
def play(modules, write):
    """The only play of a text, and its path."""

    def load(text: str) -> Play:
        path = write(text)
        [found] = load_playbook(path, modules=modules).plays
        return found

    return load


@pytest.fixture
def task(modules):
    """The only task of a text."""

    def load(text: str) -> Task:
        [found] = parse_tasks(load_yaml(text, "tasks.yml"), modules=modules)
        assert isinstance(found, Task)
        return found

    return load


WHOLE = """
- name: Web servers
  hosts: web:&prod
  gather_facts: false
  gather_subset: [min]
  become: true
  become_user: root
  serial: [1, "30%"]
  max_fail_percentage: 20
  any_errors_fatal: "{{ strict }}"
  strategy: linear
  force_handlers: true
  tags: web, front
  environment: {A: 1}
  vars: {port: 80}
  vars_files: [a.yml, [b.yml, c.yml]]
  pre_tasks:
    - ping:
  tasks:
    - name: Outer
      when: a
      tags: outer
      vars: {x: 1}
      environment: {B: 2}
      become: false
      block:
        - name: Inner
          copy: {src: a, dest: "{{ d }}"}
          when: [b, c]
          tags: [inner]
          vars: {x: 2}
          environment: {C: 3}
          register: copied
          notify: restart
          changed_when: false
          failed_when: [d, e]
          until: copied is success
          retries: 3
          delay: "{{ pause }}"
      rescue:
        - debug: msg=rescued
      always:
        - debug: var=copied
  post_tasks:
    - meta: flush_handlers
  handlers:
    - name: restart
      ansible.builtin.command: systemctl restart web
      listen: web changed
"""


def test_a_play_with_everything(play) -> None:
    made = play(WHOLE)
    assert (made.name, made.hosts, made.origin.line) == ("Web servers", "web:&prod", 2)
    assert (made.gather_facts, made.gather_subset, made.strategy) == (False, ["min"], "linear")
    assert (made.serial, made.max_fail_percentage, made.force_handlers) == ([1, "30%"], 20, True)
    assert (made.vars, made.vars_files) == ({"port": 80}, ["a.yml", ["b.yml", "c.yml"]])
    assert [len(steps) for _, steps in made.sections()] == [1, 1, 1]
    assert made.post_tasks[0].action == "meta"
    assert made.post_tasks[0].args == {"_raw_params": "flush_handlers"}
    [handler] = made.handlers
    assert isinstance(handler, Handler)
    assert (handler.action, handler.listen) == ("command", ["web changed"])
    assert handler.args == {"_raw_params": "systemctl restart web"}
    assert handler.inherited.become is True


def test_keywords_are_folded_from_the_outside_in(play) -> None:
    [block] = play(WHOLE).tasks
    assert isinstance(block, Block)
    inner, rescue, always = walk_tasks([block])
    assert (rescue.args, always.args) == ({"msg": "rescued"}, {"var": "copied"})
    kept = inner.inherited
    assert kept.when == ["a", "b", "c"]
    assert kept.tags == {"web", "front", "outer", "inner"}
    assert kept.vars == [{"x": 1}, {"x": 2}]  # those of the play stay with the play
    assert kept.environment == [{"A": 1}, {"B": 2}, {"C": 3}]
    assert (kept.become, kept.become_user, kept.any_errors_fatal) == (False, "root", "{{ strict }}")
    assert rescue.inherited.when == ["a"]
    assert (inner.register, inner.notify, inner.changed_when, inner.failed_when) == (
        "copied",
        ["restart"],
        [False],
        ["d", "e"],
    )
    assert (inner.until, inner.retries, inner.delay) == (["copied is success"], 3, "{{ pause }}")


def test_what_is_a_template_stays_one_with_its_place(play) -> None:
    [block] = play(WHOLE).tasks
    inner = next(walk_tasks([block]))
    dest = inner.args["dest"]
    assert isinstance(dest, SourceText)
    assert (dest, dest.origin.line) == ("{{ d }}", 28)
    assert isinstance(inner.inherited.when[0], SourceText)
    assert inner.origin.line == 27


def test_a_false_keyword_inside_wins_over_a_true_one_outside(task) -> None:
    assert task("- {ping: null, become: false}").inherited.become is False


def test_inheritance_does_not_leak_between_siblings(modules) -> None:
    parent = Inherited(when=["p"], tags=frozenset({"p"}))
    raw = load_yaml("- {ping: null, when: a, tags: a, vars: {v: 1}}\n- ping:", "t.yml")
    first, second = parse_tasks(raw, modules=modules, inherited=parent)
    assert first.inherited.when == ["p", "a"]
    assert (second.inherited.when, second.inherited.tags, second.inherited.vars) == (["p"], {"p"}, [])
    assert parent.when == ["p"]


@pytest.mark.parametrize("name", ["ping", "ansible.builtin.ping", "ansible.legacy.ping"])
def test_a_module_has_three_names(task, name: str) -> None:
    assert task(f"- {name}:").action == "ping"


@pytest.mark.parametrize(
    ("text", "action", "args"),
    [
        ("- copy: src=a dest=b", "copy", {"src": "a", "dest": "b"}),
        ("- copy: {src: a}\n  args: {dest: b}", "copy", {"src": "a", "dest": "b"}),
        ("- copy: dest=b\n  args: {dest: c, mode: '0600'}", "copy", {"dest": "b", "mode": "0600"}),
        ("- action: copy src=a dest='b c'", "copy", {"src": "a", "dest": "b c"}),
        ("- action: {module: ansible.builtin.copy, dest: b}", "copy", {"dest": "b"}),
        ("- action: ping", "ping", {}),
        ("- command: ls -l creates=/x", "command", {"_raw_params": "ls -l", "creates": "/x"}),
        ("- command: ls\n  args: {chdir: /tmp}", "command", {"_raw_params": "ls", "chdir": "/tmp"}),
        ("- command: {argv: [ls, -l]}", "command", {"argv": ["ls", "-l"]}),
        ("- command: {cmd: ls}", "command", {"cmd": "ls"}),
        ("- set_fact: a=1 b=2", "set_fact", {"a": "1", "b": "2"}),
        ("- set_fact: {any_name: [1]}", "set_fact", {"any_name": [1]}),
        ("- file: {name: /x}", "file", {"name": "/x"}),
        ("- file: {path: /x, state: '{{ s }}'}", "file", {"path": "/x", "state": "{{ s }}"}),
        ("- ping", None, None),
    ],
)
def test_the_ways_to_write_a_module(task, text: str, action: str | None, args: Any) -> None:
    if action is None:
        with pytest.raises(Exception, match="a task must be a mapping"):
            task(text)
        return
    made = task(text)
    assert (made.action, made.args) == (action, args)


def test_local_action_runs_on_the_controller(task) -> None:
    made = task("- local_action: command ls -l")
    assert (made.action, made.args, made.inherited.delegate_to) == (
        "command",
        {"_raw_params": "ls -l"},
        "localhost",
    )


def test_loop_and_its_control(task) -> None:
    made = task(
        "- ping:\n  loop: '{{ hosts }}'\n  loop_control: {loop_var: it, index_var: n, label: '{{ it.name }}', pause: 2}"
    )
    assert (made.loop, made.loop_var, made.loop_index_var) == ("{{ hosts }}", "it", "n")
    assert (made.loop_label, made.loop_pause) == ("{{ it.name }}", 2)
    plain = task("- ping:")
    assert (plain.loop, plain.loop_var, plain.loop_label) == (None, "item", None)


def test_a_plain_list_under_with_items_is_a_loop(task) -> None:
    assert task("- ping:\n  with_items: [a, b]").loop == ["a", "b"]


def test_names_and_tags_of_any_scalar(task) -> None:
    made = task("- name: 42\n  ping:\n  tags: [1, 'a,b']")
    assert (made.title, made.inherited.tags) == ("42", {"1", "a,b"})
    assert task("- ping:\n  tags: a, b").inherited.tags == {"a", "b"}
    assert task("- ping:").title == "ping"


def test_no_tasks_at_all(modules) -> None:
    assert parse_tasks(None, modules=modules) == []
    assert parse_tasks([], modules=modules, where=Origin("x")) == []


def test_notified_through_a_topic_or_a_template(play) -> None:
    made = play(
        "- hosts: [a, b]\n  tasks:\n    - ping:\n      notify: [topic, '{{ any }}']\n"
        "  handlers:\n    - name: h\n      ping:\n      listen: [topic, other]\n"
    )
    assert made.tasks[0].notify == ["topic", "{{ any }}"]
    assert [(handler.name, handler.listen) for handler in made.handlers] == [("h", ["topic", "other"])]
    assert made.title == "a,b"


def test_handlers_named_by_templates_may_hear_anything(play) -> None:
    made = play(
        "- hosts: all\n  tasks:\n    - ping:\n      notify: anything\n  handlers:\n    - name: '{{ x }}'\n      ping:\n"
    )
    assert made.handlers[0].name == "{{ x }}"


def test_the_path_is_kept_as_given(modules, write, monkeypatch) -> None:
    path = write("- hosts: all\n")
    monkeypatch.chdir(path.parent)
    book = load_playbook(Path("site.yml"), modules=modules)
    assert (book.path, str(book.plays[0].origin)) == ("site.yml", "site.yml:1:3")


@pytest.mark.parametrize("text", ["- pause: {seconds: 1}", "- pause: seconds=1", "- pause:\n    minutes: 2"])
def test_pause_with_nothing_beside_it_is_the_module(text: str) -> None:
    """It is a keyword of loop_control as well, where it is a number."""
    [found] = parse_tasks(load_yaml(text, "tasks.yml"), modules=module_index(()))
    assert isinstance(found, Task) and found.action == "pause" and found.loop_pause is None
