from __future__ import annotations

import base64


def test_content(host):
    (host.folder / "f").write_bytes(b"\0\xffx")
    result = host("slurp", src=f"{host.folder}/f", check=True)
    assert base64.b64decode(result["content"]) == b"\0\xffx"
    assert (result["encoding"], result["changed"]) == ("base64", False)


def test_refusals(host):
    assert host("slurp", path=f"{host.folder}/f")["msg"] == f"File not found: {host.folder}/f"
    assert "is a directory" in host("slurp", src=str(host.folder))["msg"]
