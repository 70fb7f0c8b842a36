from __future__ import annotations

import os

import pytest


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
    assert "did you mean 'data'?" in result["msg"]


def test_old_pythons_are_tested(other_pythons):
    if not other_pythons:
        searched = os.environ.get("STELLA_TEST_PYTHONS") or "~/.pyenv/versions"
        pytest.skip(f"no other Python of 3.6 or newer in {searched}: modules ran under this one alone")
    assert any(version.startswith("3.") for version in other_pythons)
