from __future__ import annotations


def test_answers_pong(host):
    assert host("ping") == {"ping": "pong", "changed": False, "failed": False}


def test_answers_the_data(host):
    assert host("ping", data="héllo")["ping"] == "héllo"


def test_a_crash_is_a_failure_with_a_traceback(host):
    result = host("ping", data="crash")
    assert result["failed"] is True
    assert "boom" in result["msg"]
    assert "Traceback" in result["exception"]


def test_an_unknown_argument_names_the_nearest(host):
    result = host("ping", dat="x")
    assert result["failed"] is True
    assert result["_hint"] == "did you mean 'data'?"
