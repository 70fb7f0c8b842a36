from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stella_ops.inventory.loader import load_inventory
from stella_ops.inventory.model import Inventory

Ini = Callable[[str], Inventory]
Write = Callable[..., Path]

# Each level of Ansible's documentation, 3 to 10, the weakest first.
LEVELS = [
    ("inv/hosts.yml", "all"),
    ("inv/hosts.yml", "web"),
    ("inv/group_vars/all.yml", None),
    ("play/group_vars/all.yml", None),
    ("inv/group_vars/web.yml", None),
    ("play/group_vars/web.yml", None),
    ("inv/hosts.yml", "w1"),
    ("inv/host_vars/w1.yml", None),
    ("play/host_vars/w1.yml", None),
]


@pytest.mark.parametrize("strongest", range(len(LEVELS)))
@pytest.mark.parametrize("with_play", [True, False])
def test_each_level_wins_over_all_before_it(write: Write, tmp_path: Path, strongest: int, with_play: bool) -> None:
    inline = {"all": "", "web": "", "w1": ""}
    expected = None
    for number, (file, place) in enumerate(LEVELS[: strongest + 1]):
        if place:
            inline[place] = f"x: {number}"
        else:
            write(file, f"x: {number}\n")
        if with_play or not file.startswith("play/"):
            expected = number
    write(
        "inv/hosts.yml",
        f"all: {{vars: {{{inline['all']}}}}}\nweb: {{vars: {{{inline['web']}}}, hosts: {{w1: {{{inline['w1']}}}}}}}\n",
    )
    inventory = load_inventory([tmp_path / "inv" / "hosts.yml"])
    playbook_dir = tmp_path / "play" if with_play else None
    assert inventory.variables("w1", playbook_dir)["x"] == expected


def test_deeper_groups_win(ini: Ini) -> None:
    inventory = ini(
        "[a]\nh\n[z:children]\na\n[a:vars]\nx=child\n[z:vars]\nx=parent\ny=parent\n[all:vars]\nx=all\ny=all\n"
    )
    assert inventory.variables("h") == {"x": "child", "y": "parent"}


def test_depth_is_the_longest_way_down(ini: Ini) -> None:
    # 'deep' hangs below 'top' directly and by 'mid': it is deeper than 'mid'
    inventory = ini("[deep]\nh\n[mid:children]\ndeep\n[top:children]\ndeep\nmid\n[mid:vars]\nx=m\n[deep:vars]\nx=d\n")
    assert inventory.variables("h") == {"x": "d"}


def test_names_decide_at_equal_depth_and_priority_before_them(ini: Ini) -> None:
    text = "[a]\nh\n[b]\nh\n[a:vars]\nx=a\n{}\n[b:vars]\nx=b\n"
    assert ini(text.format("")).variables("h") == {"x": "b"}
    assert ini(text.format("ansible_group_priority=2")).variables("h") == {"x": "a"}
    assert ini(text.format("stella_group_priority=2")).variables("h") == {"x": "a"}


def test_mappings_are_replaced_whole(ini: Ini, write: Write) -> None:
    write("group_vars/all.yml", "d: {a: 1, b: 2}\n")
    write("host_vars/h.yml", "d: {b: 3}\n")
    assert ini("h\n").variables("h") == {"d": {"b": 3}}


def test_later_sources_win(write: Write) -> None:
    first = write("one/hosts", "[g]\nh x=1 y=1\n[g:vars]\nz=1\n")
    second = write("two/hosts", "[g]\nh x=2\n[g:vars]\nz=2\n")
    write("one/group_vars/g", "f: 1\n")
    write("two/group_vars/g", "f: 2\n")
    assert load_inventory([first, second]).variables("h") == {"x": 2, "y": 1, "z": 2, "f": 2}
    assert load_inventory([second, first]).variables("h") == {"x": 1, "y": 1, "z": 1, "f": 1}


def test_the_last_place_of_a_folder_counts(write: Write) -> None:
    first = write("one/a", "[g]\nh\n")
    second = write("two/a", "[g]\n")
    third = write("one/b", "[g]\n")
    write("one/group_vars/g", "f: 1\n")
    write("two/group_vars/g", "f: 2\n")
    assert load_inventory([first, second, third]).variables("h") == {"f": 1}


# --- the model: the definition, done slowly --------------------------------------------------------------


@st.composite
def _forests(draw: st.DrawFn) -> tuple[Inventory, dict[str, set[str]], set[str], dict[str, int]]:
    inventory = Inventory()
    names = draw(st.permutations(["a", "b", "c", "d", "e"]))
    parents: dict[str, set[str]] = {}
    priorities = {}
    for place, name in enumerate(names):
        parents[name] = set(draw(st.lists(st.sampled_from(names[:place])))) if place else set()
        inventory.add_group(name, sorted(parents[name]))
        group = inventory.groups[name]
        group.set_variable("x", name)
        priorities[name] = draw(st.sampled_from([1, 1, 1, 7]))
        group.set_variable("ansible_group_priority", priorities[name])
        group.set_variable(f"only_{name}", 1)
    direct = set(draw(st.lists(st.sampled_from(names), min_size=1)))
    inventory.add_host("h", sorted(direct))
    return inventory, parents, direct, priorities


@given(_forests())
def test_groups_merge_by_depth_priority_and_name(
    made: tuple[Inventory, dict[str, set[str]], set[str], dict[str, int]],
) -> None:
    inventory, parents, direct, priorities = made

    def depth(name: str) -> int:
        return 1 + max((depth(parent) for parent in parents[name]), default=0)

    def with_ancestors(name: str) -> set[str]:
        return {name}.union(*(with_ancestors(parent) for parent in parents[name]))

    groups = set().union(*(with_ancestors(name) for name in direct))
    last = max(groups, key=lambda name: (depth(name), priorities[name], name))
    assert inventory.variables("h") == {"x": last, **{f"only_{name}": 1 for name in groups}}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@given(present=st.sets(st.integers(0, len(LEVELS) - 1)))
def test_any_mix_of_levels(present: set[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.mktemp("levels")
    inventory = Inventory()
    inventory.add_host("w1", ["web"])
    inventory.folders.append(base / "inv")
    for number in present:
        file, place = LEVELS[number]
        if place == "w1":
            inventory.hosts["w1"].vars["x"] = number
        elif place:
            inventory.groups[place].vars["x"] = number
        else:
            (base / file).parent.mkdir(parents=True, exist_ok=True)
            (base / file).write_text(f"x: {number}\n")
    expected = {"x": max(present)} if present else {}
    assert inventory.variables("w1", base / "play") == expected
