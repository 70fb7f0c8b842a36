from __future__ import annotations

import hashlib
import os

SHA256 = hashlib.sha256(b"plain\n").hexdigest()


def test_downloads_once(host, server):
    dest = host.folder / "f"
    foretold = host("get_url", url=f"{server.url}/text", dest=str(dest), check=True)
    assert (foretold["changed"], server.asked[-1][0], dest.exists()) == (True, "HEAD", False)
    done = host("get_url", url=f"{server.url}/text", dest=str(dest), mode="0600")
    assert (done["changed"], done["status_code"], done["size"], done["mode"]) == (True, 200, 6, "0600")
    assert done["checksum_src"] == hashlib.sha1(b"plain\n").hexdigest()
    assert dest.read_bytes() == b"plain\n"
    again = host("get_url", url=f"{server.url}/text", dest=str(dest))
    assert (again["changed"], again["status_code"]) == (False, 304)
    forced = host("get_url", url=f"{server.url}/text", dest=str(dest), force=True)
    assert (forced["changed"], forced["status_code"]) == (False, 200)


def test_checksums(host, server):
    dest = host.folder / "f"
    url = f"{server.url}/text"
    refused = host("get_url", url=url, dest=str(dest), checksum="sha256:" + "0" * 64)
    assert "did not match" in refused["msg"]
    assert os.listdir(host.folder) == []
    listed = f"sha256:{server.url}/sums/{SHA256}"
    assert host("get_url", url=url, dest=str(dest), checksum=listed)["changed"] is True
    asked = len(server.asked)
    known = host("get_url", url=url, dest=str(dest), checksum="sha256:" + SHA256)
    assert (known["changed"], known["msg"], len(server.asked)) == (False, "file already exists", asked)
    assert "format <algorithm>:<checksum>" in host("get_url", url=url, dest=str(dest), checksum="x")["msg"]
    assert "format is invalid" in host("get_url", url=url, dest=str(dest), checksum="sha1:xyz")["msg"]


def test_the_name_in_a_folder_is_never_a_path(host, server):
    (host.folder / "d").mkdir()
    assert host("get_url", url=f"{server.url}/text", dest=f"{host.folder}/d")["dest"] == f"{host.folder}/d/text"
    assert host("get_url", url=f"{server.url}/named", dest=f"{host.folder}/d")["dest"] == f"{host.folder}/d/evil"


def test_authentication_headers_and_gzip(host, server):
    dest = host.folder / "f"
    private = {"url": f"{server.url}/private", "dest": str(dest), "force": True}
    assert host("get_url", **private)["status_code"] == 401
    result = host("get_url", username="me", password="secret", **private)
    assert result["changed"] is True
    assert "secret" not in str(result)
    host("get_url", username="me", password="secret", force_basic_auth=True, headers={"X-Own": "1"}, **private)
    assert server.asked[-1][2]["X-Own"] == "1"
    assert server.asked[-2][1] == "/private"
    host("get_url", url=f"{server.url}/gzip", dest=str(dest), force=True)
    assert dest.read_bytes() == b"packed\n"


def test_refusals_leave_the_file_as_it_is(host, server):
    dest = host.folder / "f"
    dest.write_text("old")
    failed = host("get_url", url=f"{server.url}/status/404", dest=str(dest))
    assert (failed["msg"], failed["status_code"]) == ("Request failed", 404)
    assert "bytes came where" in host("get_url", url=f"{server.url}/short", dest=str(dest), force=True)["msg"]
    assert "refused" in host("get_url", url="http://127.0.0.1:1/", dest=str(dest))["msg"]
    assert "does not exist" in host("get_url", url=f"{server.url}/text", dest=f"{host.folder}/none/f")["msg"]
    assert "not supported" in host("get_url", url=f"{server.url}/text", dest=str(dest), use_gssapi=True)["msg"]
    assert (dest.read_text(), os.listdir(host.folder)) == ("old", ["f"])


def test_another_server_gets_no_password(host, server):
    args = {"url_username": "me", "url_password": "secret", "force_basic_auth": True}
    host("get_url", url=f"{server.url}/away", dest=f"{host.folder}/f", **args)
    (first, second) = (asked[2].get("Authorization") for asked in server.asked[-2:])
    assert first is not None
    assert second is None
