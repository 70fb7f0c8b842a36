from collections.abc import Callable
from pathlib import Path

from stella_ops.inventory.loader import load_inventory
from stella_ops.inventory.model import Inventory
from stella_ops.origins import SourceText

Yml = Callable[[str], Inventory]


def test_groups_below_groups(yml: Yml) -> None:
    inventory = yml(
        """
        all:
          hosts:
            mail.example.com:
          children:
            prod:
              children:
                web:
                  hosts:
                    web[01:02]: {http_port: 8080}
                  vars: {tier: front}
                db:
              vars:
                ntp: ntp.example.com
        db:
          hosts:
            db1:5432:
        """
    )
    assert inventory.groups_to_hosts() == {
        "all": ["mail.example.com", "web01", "web02", "db1"],
        "ungrouped": ["mail.example.com"],
        "prod": ["web01", "web02", "db1"],
        "web": ["web01", "web02"],
        "db": ["db1"],
    }
    assert inventory.variables("web02") == {"ntp": "ntp.example.com", "tier": "front", "http_port": 8080}
    assert inventory.variables("db1") == {"ntp": "ntp.example.com", "ansible_port": 5432}
    assert inventory.hosts["web02"].origin is not None
    assert inventory.hosts["web02"].origin.line == 10


def test_names_alone_and_empty_sections(yml: Yml) -> None:
    inventory = yml("web:\n  hosts: web1\n  children: eu\n  vars:\nempty:\n  hosts:\n  children:\n")
    assert inventory.groups_to_hosts() == {
        "all": ["web1"],
        "ungrouped": [],
        "web": ["web1"],
        "eu": [],
        "empty": [],
    }


def test_an_empty_file_has_no_hosts(yml: Yml) -> None:
    assert yml("# nothing yet\n").hosts == {}


def test_json_is_yaml(write: Callable[..., Path]) -> None:
    path = write("hosts.json", '{"web": {"hosts": {"w1": {"a": 1}}, "vars": {"b": "{{ a }}"}}}')
    inventory = load_inventory([path])
    assert inventory.variables("w1") == {"a": 1, "b": "{{ a }}"}


def test_values_can_be_templates_and_know_their_place(yml: Yml) -> None:
    inventory = yml("web:\n  hosts:\n    w1:\n      url: http://{{ name }}/\n      raw: !unsafe '{{ x }}'\n")
    values = inventory.variables("w1")
    assert isinstance(values["url"], SourceText)
    assert values["url"].origin.line == 4
    assert not isinstance(values["raw"], SourceText)


def test_anchors_and_merges(yml: Yml) -> None:
    inventory = yml(
        """
        web:
          hosts:
            w1: &common {a: 1, b: 1}
            w2:
              <<: *common
              b: 2
        """
    )
    assert inventory.variables("w1") == {"a": 1, "b": 1}
    assert inventory.variables("w2") == {"a": 1, "b": 2}


def test_a_group_given_twice_adds_up(yml: Yml) -> None:
    inventory = yml("all:\n  children:\n    web: {hosts: {w1: }}\n    eu: {children: {web: {hosts: {w2: {x: 1}}}}}\n")
    assert inventory.members("web").keys() == {"w1", "w2"}
    assert inventory.group_names("w1") == ["eu", "web"]
