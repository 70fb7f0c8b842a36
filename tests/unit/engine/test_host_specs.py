"""How hosts are reached outside a run."""

from __future__ import annotations

from pathlib import Path

from stella_ops.engine.host_specs import HostSpecs
from stella_ops.engine.options import RunOptions
from stella_ops.inventory.loader import load_inventory


def test_connection_and_the_user_to_become(tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text(
        "a ansible_user=ops ansible_host='{{ name }}.example' name=alpha\nb ansible_user=root\nc\n"
        "[all:vars]\nansible_become=true\nansible_become_method=su\n[plain]\nd ansible_become=false\n"
    )
    inventory = load_inventory([tmp_path / "hosts.ini"])
    specs = HostSpecs(inventory, list(inventory.hosts), RunOptions())
    assert (specs.of("a").address, specs.of("a").user) == ("alpha.example", "ops")
    become = specs.become("a")
    assert become is not None and (become.user, become.method) == ("root", "su")
    # Who is root already becomes nobody; of whom it is not known, it is not taken for granted.
    assert specs.become("b") is None
    assert specs.become("c") is not None
    assert specs.become("d") is None
    assert HostSpecs(inventory, ["b"], RunOptions(become_same_user=True)).become("b") is not None
