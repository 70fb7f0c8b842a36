from __future__ import annotations

import pytest

TEXT = "top = 1\n\n[a]\nx = 1\n# y = 2\n\n[b]\nx=1\nx = 2\n"


@pytest.fixture
def conf(host):
    path = host.folder / "conf"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("args", "after", "msg"),
    [
        ({"section": "a", "option": "x", "value": "9"}, TEXT.replace("x = 1\n#", "x = 9\n#"), "option changed"),
        ({"section": "a", "option": "y", "value": "3"}, TEXT.replace("# y = 2", "y = 3"), "option changed"),
        ({"section": "a", "option": "z", "value": "1"}, TEXT.replace("x = 1\n#", "x = 1\nz = 1\n#"), "option added"),
        ({"section": "c", "option": "z", "value": "1"}, TEXT + "[c]\nz = 1\n", "section and option added"),
        ({"section": "c"}, TEXT + "[c]\n", "only section added"),
        ({"option": "top", "value": "2"}, TEXT.replace("top = 1", "top = 2"), "option changed"),
        ({"section": "b", "option": "x", "values": ["2", "3"]}, TEXT.replace("x=1\n", "x = 3\n"), "option changed"),
        ({"section": "b", "option": "x", "value": "3", "exclusive": False}, TEXT + "x = 3\n", "option added"),
        ({"section": "a", "option": "x", "state": "absent"}, TEXT.replace("x = 1\n#", "#"), "option removed"),
        ({"section": "b", "state": "absent"}, TEXT[: TEXT.index("[b]")], "section removed"),
        (
            {"section": "a", "option": "f", "allow_no_value": True},
            TEXT.replace("[a]\nx = 1\n", "[a]\nx = 1\nf\n"),
            "option added",
        ),
        (
            {"section": "a", "option": "x", "value": "1", "no_extra_spaces": True},
            TEXT.replace("x = 1\n#", "x=1\n#"),
            "option changed",
        ),
    ],
)
def test_changes_once_and_foretells_it(host, conf, args, after, msg):
    args = dict(args, path=str(conf))
    foretold = host("ini_file", check=True, **args)
    assert conf.read_text() == TEXT
    done = host("ini_file", **args)
    assert conf.read_text() == after
    assert (foretold["changed"], done["changed"], done["msg"]) == (True, True, msg)
    assert host("ini_file", **args)["changed"] is False
    assert conf.read_text() == after


def test_makes_the_file_and_refuses(host):
    path = host.folder / "new"
    assert host("ini_file", path=str(path), section="a", option="x", value="1", mode="0600")["mode"] == "0600"
    assert path.read_text() == "[a]\nx = 1\n"
    assert "must be defined" in host("ini_file", path=str(path), section="a", option="x")["msg"]
    assert (
        "does not exist" in host("ini_file", path=f"{path}2", section="a", option="x", value="1", create=False)["msg"]
    )
    ignored = host(
        "ini_file", path=str(path), section="a", option="x", value="1", no_extra_spaces=True, ignore_spaces=True
    )
    assert ignored["changed"] is False


def test_the_section_that_has_values(host):
    path = host.folder / "conf"
    path.write_text("[s]\nid = 1\nv = a\n[s]\nid = 2\nv = b\n")
    args = {"path": str(path), "section": "s", "option": "v", "value": "c"}
    host("ini_file", section_has_values=[{"option": "id", "value": "2"}], **args)
    assert path.read_text() == "[s]\nid = 1\nv = a\n[s]\nid = 2\nv = c\n"
    host("ini_file", section_has_values=[{"option": "id", "value": "3"}], **args)
    assert path.read_text().endswith("[s]\nid = 3\nv = c\n")
