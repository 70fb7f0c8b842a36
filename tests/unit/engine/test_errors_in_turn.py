"""Under ansible-core's names what is wrong is told when its turn comes; see ``RunOptions.errors_in_turn``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.errors import ParseError, PlaybookError, TemplateError

HEAD = "- hosts: all\n  gather_facts: false\n"
INCLUDE = HEAD + "  tasks:\n    - block:\n        - include_tasks: x.yml\n      rescue:\n        - ping:\n"
ROLE = HEAD + "  tasks:\n    - block:\n        - include_role: {name: r}\n      rescue:\n        - ping:\n"


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str, str], None]:
    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return write


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- ping:\n  nosuch: 1\n", "conflicting action statements: ping, nosuch"),
        ("- nosuchmodule:\n", "couldn't resolve module/action"),
        ("- name: x\n", "no module/action detected"),
        ("- ping: [\n", "YAML parsing failed"),
        ("- just text\n", "a task must be a mapping"),
        ("- rescue: []\n", "'rescue' keyword cannot be used without 'block'"),
        ("- import_tasks: '{{ nodef }}.yml'\n", "import path '{{ nodef }}.yml': 'nodef' is undefined"),
    ],
)
async def test_a_file_that_cannot_be_parsed_ends_the_run(play: Any, files: Any, text: str, said: str) -> None:
    files("x.yml", text)
    with pytest.raises(ParseError) as caught:
        await play(INCLUDE, errors_in_turn=True)
    assert said in caught.value.message and caught.value.exit_code == 4
    played = await play(INCLUDE)  # and by our own name fails the hosts that wanted it
    assert played.code == 0 and played.seen.statuses("ping") == {"a": "ok", "b": "ok"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("tasks/main.yml", "a: b\n", "'tasks' must be a list of tasks"),
        (
            "defaults/main.yml",
            "- a\n",
            "The defaults/main.yml file for role 'r' must contain a dictionary of variables",
        ),
        ("meta/main.yml", "- a\n", "the 'meta/main.yml' for role r is not a dictionary"),
    ],
)
async def test_so_does_a_role(play: Any, files: Any, name: str, text: str, said: str) -> None:
    files("roles/r/tasks/main.yml", "- ping:\n")
    files(f"roles/r/{name}", text)
    with pytest.raises(ParseError) as caught:
        await play(ROLE, errors_in_turn=True)
    assert said in caught.value.message and caught.value.exit_code == 4


@pytest.mark.parametrize("text", [None, "a: b\n", "- import_tasks: nothere.yml\n", "- import_role: {name: nothere}\n"])
async def test_what_is_not_there_fails_its_hosts_alone(play: Any, files: Any, text: str | None) -> None:
    if text is not None:
        files("x.yml", text)
    played = await play(INCLUDE, errors_in_turn=True)
    assert played.code == 0 and played.recap["a"].failed == 1 and played.seen.statuses("ping")["a"] == "ok"


@pytest.mark.parametrize("name", ["hosts: '{{ nodef }}'", "hosts: a\n  name: '{{ nodef }}'"])
async def test_a_play_that_cannot_be_told_stops_those_behind_it(play: Any, fake_pool: Any, name: str) -> None:
    text = HEAD + f"  tasks: [ping: ]\n- {name}\n  gather_facts: false\n  tasks: [ping: ]\n"
    pool = fake_pool()
    with pytest.raises(TemplateError) as caught:
        await play(text, pool=pool, errors_in_turn=True)
    assert caught.value.exit_code == PlaybookError.exit_code
    assert len(pool.calls) == 2
