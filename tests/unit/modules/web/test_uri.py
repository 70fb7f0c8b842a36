from __future__ import annotations

import pytest


def test_answer(host, server):
    result = host("uri", url=f"{server.url}/text", return_content=True)
    assert (result["status"], result["content"], result["redirected"]) == (200, "plain\n", False)
    assert (result["cookies"], result["content_length"]) == ({"c": "1"}, "6")
    assert result["msg"] == "OK (6 bytes)"
    assert "content" not in host("uri", url=f"{server.url}/text")


@pytest.mark.parametrize(
    ("args", "body", "kind"),
    [
        ({"body_format": "json", "body": {"a": [1, True]}}, '{"a": [1, true]}', "application/json"),
        ({"body_format": "json", "body": '{"a":1}'}, '{"a":1}', "application/json"),
        (
            {"body_format": "form-urlencoded", "body": {"a": "b c", "d": [1, 2]}},
            "a=b+c&d=1&d=2",
            "application/x-www-form-urlencoded",
        ),
        ({"body": "raw", "headers": {"Content-Type": "x/y"}}, "raw", "x/y"),
    ],
)
def test_bodies(host, server, args, body, kind):
    told = host("uri", url=f"{server.url}/echo", method="POST", **args)["json"]
    assert told == {"method": "POST", "body": body, "type": kind}


def test_a_form_with_files(host, server):
    (host.folder / "f.txt").write_text("file\n")
    fields = {"one": "1", "two": {"filename": f"{host.folder}/f.txt"}, "three": {"content": "c", "mime_type": "x/y"}}
    told = host("uri", url=f"{server.url}/echo", method="POST", body_format="form-multipart", body=fields)["json"]
    assert told["type"].startswith("multipart/form-data; boundary=")
    assert 'name="two"; filename="f.txt"\r\nContent-Type: text/plain\r\n' in told["body"]
    assert "ZmlsZQo=" in told["body"]
    assert 'name="three"\r\nContent-Type: x/y\r\n\r\nc\r\n' in told["body"]


def test_a_file_is_sent(host, server):
    (host.folder / "f").write_text("content")
    told = host("uri", url=f"{server.url}/echo", method="PUT", src=f"{host.folder}/f", remote_src=True)["json"]
    assert told["body"] == "content"
    streamed = host("uri", url=f"{server.url}/echo", method="PUT", src="f", _content_name="f", content=b"streamed")
    assert streamed["json"]["body"] == "streamed"


@pytest.mark.parametrize(
    ("method", "code", "policy", "status", "after"),
    [
        ("GET", 302, "safe", 200, "GET"),
        ("GET", 302, "none", 302, None),
        ("POST", 302, "safe", 302, None),
        ("POST", 302, "all", 200, "GET"),
        ("POST", 307, "all", 200, "POST"),
        ("GET", 308, "safe", 200, "GET"),
    ],
)
def test_redirections(host, server, method, code, policy, status, after):
    args = {"url": f"{server.url}/moved/{code}", "method": method, "follow_redirects": policy}
    result = host("uri", status_code=[200, 302], **args)
    assert (result["status"], result.get("json", {}).get("method")) == (status, after)
    assert result["redirected"] is (status == 200)


def test_another_server_gets_no_password(host, server):
    args = {"url_username": "me", "url_password": "secret", "force_basic_auth": True}
    host("uri", url=f"{server.url}/away", **args)
    (first, second) = (asked[2].get("Authorization") for asked in server.asked[-2:])
    assert first is not None
    assert second is None


def test_status_codes(host, server):
    failed = host("uri", url=f"{server.url}/status/404")
    assert failed["msg"] == "Status code was 404 and not [200]: HTTP Error 404: Not Found"
    assert (failed["failed"], failed["json"]) == (True, {"error": True})
    assert host("uri", url=f"{server.url}/status/404", status_code=404)["failed"] is False
    refused = host("uri", url="http://127.0.0.1:1/")
    assert (refused["status"], "refused" in refused["msg"]) == (-1, True)


def test_dest_creates_and_socket(host, server, server_socket):
    dest = host.folder / "f"
    done = host("uri", url=f"{server.url}/text", dest=str(dest), mode="0600")
    assert (done["changed"], done["path"], done["mode"]) == (True, str(dest), "0600")
    assert dest.read_text() == "plain\n"
    assert "exists" in host("uri", url="http://x/", creates=str(dest))["stdout"]
    assert "does not exist" in host("uri", url="http://x/", removes=f"{dest}x")["stdout"]
    assert host("uri", url="http://localhost/echo", unix_socket=str(server_socket))["status"] == 200
    assert "single word" in host("uri", url=server.url, method="a b")["msg"]
