"""Sources with a key ``plugin``: constructed, generator, and those that are not supported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stella_ops.cli.expressions import TemplarExpressions
from stella_ops.errors import InventoryError
from stella_ops.inventory.loader import load_inventory
from stella_ops.inventory.model import Inventory

Write = Callable[..., Path]
HOSTS = "[web]\nw1 os=debian tags=\"['a','b']\" disk=\"{'x': 1, 'y': ''}\"\nw2 os=''\n[db]\nd1\n"


def read(write: Write, text: str, **more: object) -> Inventory:
    hosts, made = write("hosts", HOSTS), write("z.yml", text)
    return load_inventory([hosts, made], expressions=TemplarExpressions(), **more)  # type: ignore[arg-type]


def test_variables_and_groups(write: Write) -> None:
    found = read(
        write,
        """
        plugin: constructed
        compose:
          name_of: inventory_hostname ~ '-' ~ (os | default('none'))
          lost: nosuch.thing
        groups:
          webs: "'web' in group_names"
          named: name_of.startswith('w1')
          text_is_no_answer: os
        """,
    )
    assert found.variables("w1")["name_of"] == "w1-debian"
    assert "lost" not in found.variables("w1")
    assert list(found.members("webs")) == ["w1", "w2"]
    assert list(found.members("named")) == ["w1"]
    assert "text_is_no_answer" not in found.groups


@pytest.mark.parametrize(
    ("entry", "groups"),
    [
        ("{key: os}", ["_debian"]),
        ("{key: os, prefix: os}", ["os_debian"]),
        ("{key: os, prefix: os, separator: '-'}", ["os_debian"]),
        ("{key: os, default_value: none}", ["_debian", "_none"]),
        ("{key: tags, prefix: t}", ["t_a", "t_b"]),
        ("{key: disk, prefix: d}", ["d_x_1", "d_y_"]),
        ("{key: disk, prefix: d, trailing_separator: false}", ["d_x_1", "d_y"]),
    ],
)
def test_keyed_groups(write: Write, entry: str, groups: list[str]) -> None:
    found = read(write, f"plugin: constructed\nkeyed_groups:\n  - {entry}\n")
    assert sorted(set(found.groups) - {"all", "ungrouped", "web", "db"}) == groups


def test_leading_separator_parents_and_extra_variables(write: Write) -> None:
    found = read(
        write,
        """
        plugin: ansible.builtin.constructed
        leading_separator: false
        use_extra_vars: yes
        keyed_groups:
          - {key: env, parent_group: environments}
        """,
        extra_vars={"env": "prod"},
    )
    assert list(found.groups["environments"].children) == ["prod"]
    assert list(found.members("prod")) == ["w1", "w2", "d1"]


def test_generated_hosts(write: Write) -> None:
    found = read(
        write,
        """
        plugin: generator
        hosts:
          name: "{{ kind }}_{{ env }}"
          parents:
            - name: "{{ kind }}"
              vars: {kind: "{{ kind }}"}
              parents: [{name: generated}]
        layers:
          kind: [api, job]
          env: [dev, prod]
        """,
    )
    assert list(found.members("generated")) == ["api_dev", "api_prod", "job_dev", "job_prod"]
    assert found.variables("job_dev") == {"kind": "job"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plugin: amazon.aws.aws_ec2", "inventory plug-in 'amazon.aws.aws_ec2' is not supported"),
        ("plugin: constructed\ncompos: {}", "unknown key 'compos' of the plug-in 'constructed'"),
        ("plugin: constructed\nstrict: perhaps", "'strict' must be true or false"),
        ("plugin: constructed\ngroups: [a]", "'groups' must map names to expressions"),
        ("plugin: constructed\nkeyed_groups: {a: 1}", "'keyed_groups' must be a list of mappings"),
        (
            "plugin: constructed\nkeyed_groups: [{key: os, default_value: x, trailing_separator: no}]",
            "'default_value' and 'trailing_separator' exclude each other",
        ),
        ("plugin: constructed\nstrict: true\ncompose: {a: nosuch}", "cannot set 'a' of host 'w1'"),
        ("plugin: constructed\nstrict: true\ngroups: {a: os}", "cannot tell whether host 'w1' is in group 'a'"),
        ("plugin: constructed\nkeyed_groups: [{key: '1 + 1'}]", "cannot make a group for host 'w1'"),
        ("plugin: generator\nhosts: {}", "a generator needs 'layers', and 'hosts' with a 'name'"),
    ],
)
def test_says_what_is_wrong(write: Write, text: str, message: str) -> None:
    with pytest.raises(InventoryError) as caught:
        read(write, text)
    assert caught.value.message.startswith(message)
    assert caught.value.where is not None and "z.yml" in caught.value.where
