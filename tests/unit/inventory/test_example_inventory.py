"""The worked example in inventory/ is an inventory, and shows what its comments say."""

from pathlib import Path

from stella_ops.inventory.connection import connection_variables
from stella_ops.inventory.loader import load_inventory

EXAMPLE = Path(__file__).parents[3] / "inventory"


def test_the_example() -> None:
    inventory = load_inventory([EXAMPLE])
    assert list(inventory.hosts) == ["web1.example.com", "web2.example.com", "db1.example.com"]
    assert inventory.select("web:&production") == ["web1.example.com", "web2.example.com"]
    assert inventory.group_names("db1.example.com") == ["database", "production"]
    assert inventory.warnings == []


def test_its_connection_variables() -> None:
    inventory = load_inventory([EXAMPLE])
    web1, web2, db1 = (connection_variables(inventory.variables(name)) for name in inventory.hosts)
    assert web1["host"] == "192.0.2.11"
    assert web1["user"] == web2["user"] == "deploy"
    assert web2["port"] == 2222
    assert db1["user"] == "dba"
    assert db1["ssh_common_args"] == "-J deploy@bastion.example.com"
    assert {settings["become"] for settings in (web1, web2, db1)} == {True}
    assert not any("password" in settings for settings in (web1, web2, db1))
