"""Which module a ``package`` task runs."""

from __future__ import annotations

import pytest

from stella_ops.actions import package
from stella_ops.actions.base import ActionFailure


@pytest.mark.parametrize(
    ("args", "variables", "module"),
    [
        ({"use": "dnf"}, {"ansible_facts": {"pkg_mgr": "apt"}}, "dnf"),
        ({}, {"ansible_facts": {"pkg_mgr": "apt"}}, "apt"),
        ({"use": "auto"}, {"ansible_facts": {"pkg_mgr": "apt"}, "ansible_package_use": "yum"}, "yum"),
    ],
)
async def test_chosen_without_asking_the_host(make_context, session, args, variables, module):
    result = await package.run(make_context(**variables), {"name": "x", **args})
    assert result["changed"] is True
    assert [(call.module, dict(call.args)) for call in session.calls] == [(module, {"name": "x"})]


async def test_the_host_is_asked_where_nothing_is_known(make_context, session):
    session.answer = lambda call: (
        {"ansible_facts": {"ansible_pkg_mgr": "zypper"}} if call.module == "setup" else {"changed": False}
    )
    await package.run(make_context(check=True), {"name": "x"})
    assert [(call.module, call.check) for call in session.calls] == [("setup", False), ("zypper", True)]


async def test_a_host_with_no_package_manager(make_context, session):
    session.answer = lambda call: {"ansible_facts": {"ansible_pkg_mgr": "unknown"}}
    with pytest.raises(ActionFailure, match="Could not detect a package manager"):
        await package.run(make_context(), {"name": "x"})
