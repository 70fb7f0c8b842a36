from __future__ import annotations

import pytest

TEXT = "one\ntwo\n<a>\none\n</a>\none\n"


@pytest.fixture
def conf(host):
    path = host.folder / "conf"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("args", "after", "count"),
    [
        ({"regexp": "^one$", "replace": "1"}, TEXT.replace("one", "1"), 3),
        ({"regexp": "^(o)ne$", "replace": r"\1", "after": "<a>"}, "one\ntwo\n<a>\no\n</a>\no\n", 2),
        ({"regexp": "^one$", "replace": "1", "after": "<a>", "before": "</a>"}, "one\ntwo\n<a>\n1\n</a>\none\n", 1),
        ({"regexp": "one", "replace": "1", "before": "<a>"}, "1\ntwo\n<a>\none\n</a>\none\n", 1),
    ],
)
def test_replaces_once(host, conf, args, after, count):
    assert host("replace", path=str(conf), check=True, **args)["msg"] == f"{count} replacements made"
    assert conf.read_text() == TEXT
    done = host("replace", path=str(conf), diff=True, **args)
    assert (done["changed"], done["diff"]["before"], done["diff"]["after"]) == (True, TEXT, after)
    assert conf.read_text() == after
    assert host("replace", path=str(conf), **args)["changed"] is False


def test_a_section_that_is_not_there(host, conf):
    result = host("replace", path=str(conf), regexp="one", after="<b>")
    assert result["changed"] is False
    assert result["msg"].startswith("Pattern for before/after params did not match the given file: <b>")


def test_encodings(host, conf):
    conf.write_bytes("größe\n".encode("latin-1"))
    assert host("replace", path=str(conf), regexp="e$", replace="er", encoding="latin-1")["changed"] is True
    assert conf.read_bytes() == "größer\n".encode("latin-1")
    assert host("replace", path=str(conf), regexp="^", replace="x")["changed"] is True, "odd bytes survive"
    assert conf.read_bytes() == "xgrößer\nx".encode("latin-1") or conf.read_bytes() == "xgrößer\n".encode("latin-1")
    assert "unknown encoding: no such" in host("replace", path=str(conf), regexp="x", encoding="no such")["msg"]


def test_refusals(host, conf):
    assert "due to error" in host("replace", path=str(conf), regexp="o", replace=r"\9")["msg"]
    assert "no regular expression" in host("replace", path=str(conf), regexp="(")["_hint"]
    assert host("replace", path=str(conf.parent), regexp="x")["rc"] == 256
    assert host("replace", path=f"{conf}x", regexp="x")["rc"] == 257
