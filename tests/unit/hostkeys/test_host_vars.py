import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.errors import InventoryError
from stella_ops.hostkeys.host_vars import edited, host_vars_file, read_host_keys, write_host_keys

ONE, TWO = "ssh-ed25519 AAAAone", "ssh-rsa AAAAtwo"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# a comment\n",
        "---\n# a comment\nport: 80   # the shop\n\nlist:\n  - 1\n# the end\n",
        "port: 80",
        "port: 80\nstella_host_keys: [old]   # gone\nafter: 1\n",
        "stella_host_keys:\n- old\n- older\n\nafter: 1\n",
        "stella_host_keys:\n  - old\n# about what follows\nafter: {x: 1}\n",
        "stella_host_keys: |\n  old\nafter: 1\n",
    ],
)
def test_only_the_block_of_the_variable_changes(tmp_path, text):
    file = tmp_path / "web.yml"
    if text:
        file.write_text(text)
    assert write_host_keys(file, [ONE, TWO])
    assert read_host_keys(file) == [ONE, TWO]
    kept = [line for line in text.splitlines() if "old" not in line and "stella_host_keys" not in line]
    written = file.read_text().splitlines()
    assert [line for line in written if "AAAA" not in line and "stella_host_keys" not in line and line != "---"] == [
        line for line in kept if line != "---"
    ]
    assert not write_host_keys(file, [ONE, TWO])
    assert write_host_keys(file, [])
    assert read_host_keys(file) == []
    assert [line for line in file.read_text().splitlines() if line != "---"] == [line for line in kept if line != "---"]
    assert [path.name for path in tmp_path.iterdir()] == ["web.yml"]


@given(
    st.lists(
        st.sampled_from(
            ["a: 1", "# note", "", "b:", "  - x", "  y", "- z", "stella_host_keys:", "c: |", "  # no", "d: '"]
        )
    )
)
def test_an_edit_never_touches_other_lines(lines):
    text = "\n".join(lines)
    after = edited(text, [ONE])
    others = [line for line in lines if line.strip()[:1] not in ("", "-") and not line.startswith((" ", "stella_"))]
    position = 0
    for line in others:
        position = after.index(line, position) + len(line)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$ANSIBLE_VAULT;1.1;AES256\n616263\n", "encrypted"),
        ("{port: 80}\n", "cannot be changed here|YAML|mapping"),
        ('{"stella_host_keys": ["x"]}\n', "cannot be changed here|YAML|mapping"),
        ("- a\n- b\n", "no mapping"),
        ("a: [1,\n", "YAML"),
    ],
)
def test_a_file_that_cannot_be_edited_is_left_as_it_was(tmp_path, text, message):
    file = tmp_path / "web"
    file.write_text(text)
    with pytest.raises(InventoryError, match=message):
        write_host_keys(file, [ONE])
    assert file.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["web"]


def test_which_file_it_is(tmp_path):
    place = tmp_path / "host_vars"
    assert host_vars_file(tmp_path, "web") == place / "web.yml"
    place.mkdir()
    (place / "web.yaml").write_text("a: 1\n")
    assert host_vars_file(tmp_path, "web") == place / "web.yaml"
    (place / "db").mkdir()
    assert host_vars_file(tmp_path, "db") == place / "db" / "stella_host_keys.yml"
    for name in ("..", "../x", "a/b"):
        with pytest.raises(InventoryError, match="name of a file"):
            host_vars_file(tmp_path, name)


def test_mode_and_links_stay(tmp_path):
    real, link = tmp_path / "real.yml", tmp_path / "web.yml"
    real.write_text("a: 1\n")
    real.chmod(0o640)
    link.symlink_to(real)
    write_host_keys(link, [ONE])
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert read_host_keys(real) == [ONE]
