"""Actions in the place of collections' own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.actions.base import ActionFailure, Result
from stella_ops.actions.registry import action, action_arguments, action_file, collected_names
from stella_ops.cli.modules import module_index
from stella_ops.module_source import constants
from stella_ops.playbook.module_names import canonical
from stella_ops.transport.base import CommandResult

Make = Callable[..., Any]


async def run(name: str, context: Any, /, **args: Any) -> Result:
    found = action(name)
    assert found is not None
    context.action = name
    return await found.run(context, args)


def test_each_can_be_run_and_read_without_being_imported() -> None:
    assert {"ansible.posix.synchronize", "ansible.utils.validate"} <= collected_names()
    for name in collected_names():
        found = action(name)
        assert found is not None and callable(found.run)
        assert constants(action_file(name)).get("ARGUMENTS") == action_arguments(name)


def test_they_are_there_where_the_collection_is(install: Make) -> None:
    index = module_index(())
    install({})
    assert index.spec("ansible.utils.validate") is None and not index.is_ours("ansible.utils.validate")
    install({"ansible.utils/plugins/action/validate.py": "", "ansible.utils/plugins/action/other.py": ""})
    assert canonical("ansible.utils.validate", index) == "ansible.utils.validate"
    assert index.spec("ansible.utils.validate") and index.is_ours("ansible.utils.validate")
    assert not index.is_ours("ansible.utils.other")
    assert index.spec("validate") is None


UPDATED = [
    (["a.b.c.0", 10], {"b": {"c": [10, 2]}}),
    (["a['b'][\"c\"][1]", 20], {"b": {"c": [1, 20]}}),
    (["a.b.c[2]", 3], {"b": {"c": [1, 2, 3]}}),
    (["a.b.d", {"new": [1]}], {"b": {"c": [1, 2], "d": {"new": [1]}}}),
    (["a", "text"], "text"),
]


@pytest.mark.parametrize(("update", "expected"), UPDATED, ids=[str(update[0]) for update, _ in UPDATED])
async def test_update_fact(make_context: Make, update: list[Any], expected: Any) -> None:
    held = {"b": {"c": [1, 2]}}
    context = make_context(a=held)
    found = await run("ansible.utils.update_fact", context, updates=[dict(zip(("path", "value"), update, strict=True))])
    assert found == {"changed": True, "a": expected}
    assert held == {"b": {"c": [1, 2]}}


async def test_update_fact_changes_nothing_and_several_things(make_context: Make) -> None:
    context = make_context(a={"x": 1}, b=[1])
    same = await run("ansible.utils.update_fact", context, updates=[{"path": "a.x", "value": 1}])
    assert same == {"changed": False, "a": {"x": 1}}
    updates = [{"path": "a.x", "value": 2}, {"path": "b.0", "value": 3}, {"path": "a.y", "value": 4}]
    both = await run("ansible.utils.update_fact", context, updates=updates)
    assert both == {"changed": True, "a": {"x": 2, "y": 4}, "b": [3]}


@pytest.mark.parametrize(
    ("updates", "said"),
    [
        ([{"path": "nope.x", "value": 1}], "'nope' was not found in the current facts"),
        ([{"path": "a.x.y", "value": 1}], "the key 'x' was not found in"),
        ([{"path": "a.l.name", "value": 1}], "index provided was not an integer: 'name'"),
        ([{"path": "a.l.7", "value": 1}], "not long enough for item #7"),
        ([{"path": "a.n.x", "value": 1}], "can only modify mutable objects"),
        ([{"path": "a[", "value": 1}], "While processing 'a[' found malformed path"),
        ([{"path": "a"}], "missing required arguments: value found in updates"),
        (["a"], "unable to convert to dict"),
    ],
)
async def test_update_fact_refuses(make_context: Make, updates: list[Any], said: str) -> None:
    with pytest.raises(ActionFailure) as caught:
        await run("ansible.utils.update_fact", make_context(a={"l": [1], "n": 1}), updates=updates)
    assert said in str(caught.value)


SUB_PLUGINS = {
    "fact_diff/native": """
class FactDiff:
    def __init__(self, task_args, task_vars, debug):
        self.args = task_args
        debug("made")
    def diff(self):
        skipped = self.args["plugin"]["vars"].get("skip_lines")
        if skipped == ["("]:
            return {"errors": "no regex"}
        if self.args["before"] == self.args["after"]:
            return {"diff": ""}
        return {"diff": "\\x1b[31m-%s\\x1b[0m\\n+%s %s" % (self.args["before"], self.args["after"], skipped)}
""",
    "validate/checker": """
from ansible.errors import AnsibleError
class Validate:
    def __init__(self, data, criteria, engine, plugin_vars=None, kwargs=None):
        self.data, self.criteria, self.strict = data, criteria, plugin_vars.get("strict")
    def validate(self):
        if self.criteria == "none":
            raise AnsibleError("no criteria")
        if self.criteria == "bug":
            raise KeyError("bug")
        if self.data == self.criteria:
            return {"warnings": ["nearly"]} if self.strict else {}
        return {"errors": [{"found": self.data}], "msg": "At 'x' it differs. "}
""",
    "cli_parser/words_parser": """
class CliParser:
    DEFAULT_TEMPLATE_EXTENSION = "tpl"
    PROVIDE_TEMPLATE_CONTENTS = True
    def __init__(self, task_args, task_vars, debug):
        self.args = task_args
    def parse(self, template_contents=None):
        if self.args["text"] == "bad":
            return {"errors": ["a", "b"]}
        return {"parsed": [self.args["text"].split(), template_contents]}
""",
}


@pytest.fixture
def sub_plugins(install: Make) -> None:
    install({f"a.b/plugins/sub_plugins/{name}.py": text for name, text in SUB_PLUGINS.items()})


async def test_fact_diff(make_context: Make, sub_plugins: None) -> None:
    context = make_context()
    plugin = {"name": "a.b.native", "vars": {"skip_lines": "x,y"}}
    found = await run("ansible.utils.fact_diff", context, before=1, after=2, plugin=plugin)
    assert found["changed"] and found["diff_text"] == "-1\n+2 ['x', 'y']"
    assert found["diff_lines"] == ["-1", "+2 ['x', 'y']"] and found["diff"]["prepared"].startswith("\x1b")
    assert context.diff  # which is shown whether or not it was asked for
    same = await run("ansible.utils.fact_diff", context, before=1, after=1, plugin={"name": "a.b.native"})
    assert not same["changed"] and same["diff_lines"] == []
    for wrong, said in (
        ({"name": "native"}, "full name including collection"),
        ({"name": "a.b.nope"}, "Error loading plugin 'a.b.nope'"),
        ({"name": "a.b.native", "vars": {"skip_lines": {}}}, "unable to convert to list"),
        ({"name": "a.b.native", "vars": {"skip_lines": ["("]}}, "no regex"),
        ({"nam": 1}, "unsupported parameters"),
        ("x", "unable to convert to dict"),
    ):
        with pytest.raises(ActionFailure, match=said):
            await run("ansible.utils.fact_diff", context, before=1, after=2, plugin=wrong)


async def test_validate(make_context: Make, sub_plugins: None) -> None:
    engine = "a.b.checker"
    well = await run("ansible.utils.validate", make_context(), data=1, criteria=1, engine=engine)
    assert well == {"msg": "All checks passed."}
    nearly = await run("ansible.utils.validate", make_context(strict=True), data=1, criteria=1, engine=engine)
    assert nearly == {"msg": "Non-fatal validation errors were found.", "warnings": ["nearly"]}
    wrong = await run("ansible.utils.validate", make_context(), data=1, criteria=2, engine=engine)
    assert wrong["failed"] and wrong["errors"] == [{"found": 1}]
    assert wrong["msg"] == "Validation errors were found.\nAt 'x' it differs. "
    for criteria, said in (("none", "^no criteria$"), ("bug", "Unhandled exception from validator 'a.b.checker'")):
        with pytest.raises(ActionFailure, match=said):
            await run("ansible.utils.validate", make_context(), data=1, criteria=criteria, engine=engine)
    with pytest.raises(ActionFailure, match="error loading the corresponding validate plugin"):
        await run("ansible.utils.validate", make_context(), data=1, criteria=1, engine="a.b.c")


async def test_cli_parse(make_context: Make, session: Any, sub_plugins: None, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/nos_show_it.tpl").write_text("rules")
    session.command = CommandResult(0, b"one two", b"")
    parser = {"name": "a.b.words"}
    context = make_context(ansible_network_os="x.y.nos")
    found = await run("ansible.utils.cli_parse", context, command="show it", parser=parser, set_fact="words")
    assert found["parsed"] == [["one", "two"], "rules"] and found["stdout_lines"] == ["one two"]
    assert found["ansible_facts"] == {"words": found["parsed"]} and session.commands == ["show it"]
    given = {**parser, "template_path": "nos_show_it.tpl"}
    assert (await run("ansible.utils.cli_parse", context, text="a", parser=given))["parsed"] == [["a"], "rules"]
    for args, said in (
        ({"text": "bad", "parser": given}, "^a b$"),
        ({"text": "a", "parser": parser}, "Either parser/command or parser/template_path"),
        ({"text": "a", "command": "b", "parser": parser}, "argspec validation failed"),
        ({"parser": parser}, "argspec validation failed"),
        ({"text": "a", "parser": {**given, "name": "words"}}, "full name including collection"),
    ):
        with pytest.raises(ActionFailure, match=said):
            await run("ansible.utils.cli_parse", context, **args)


async def test_a_patch_is_on_the_host_meanwhile(make_context: Make, session: Any, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/my.patch").write_text("--- a\n")
    answers = {"tempfile": {"path": "/tmp/made"}, "ansible.posix.patch": {"failed": True, "msg": "it does not apply"}}
    session.answer = lambda call: answers.get(call.module, {"changed": True})
    found = await run("ansible.posix.patch", make_context(check=True), src="my.patch", dest="/etc/x", strip=1)
    assert found["msg"] == "it does not apply"
    assert [call.module for call in session.calls] == ["tempfile", "copy", "ansible.posix.patch", "file"]
    patch = session.calls[2]
    assert patch.args == {"src": "/tmp/made/my.patch", "dest": "/etc/x", "strip": 1} and patch.check
    assert session.calls[3].args == {"path": "/tmp/made", "state": "absent"} and not session.calls[3].check
    session.calls.clear()
    await run("ansible.posix.patch", make_context(), patchfile="/there.patch", dest="/etc/x", remote_src="yes")
    assert [call.module for call in session.calls] == ["ansible.posix.patch"]
    with pytest.raises(ActionFailure, match="src is required"):
        await run("ansible.posix.patch", make_context(), dest="/etc/x")
