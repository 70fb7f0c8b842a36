"""git, pip and package_facts under the oldest Python, and what they refuse; the cases of plays show the rest."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

LOGIN = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@e.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@e.org",
}


@pytest.fixture
def repository(tmp_path):
    """A repository with two commits, the first tagged v1."""
    if shutil.which("git") is None:
        pytest.skip("left out: there is no git on this machine")
    folder = tmp_path / "repository"
    folder.mkdir()
    environment = {**os.environ, **LOGIN, "GIT_CONFIG_GLOBAL": "/dev/null"}

    def git(*words):
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, env=environment)

    git("init", "-q", "-b", "main")
    for word in ("one", "two"):
        (folder / "file").write_text(word + "\n")
        git("add", "file")
        git("commit", "-q", "-m", word)
        if word == "one":
            git("tag", "v1")
    return folder


def test_git(host, repository, tmp_path):
    dest = tmp_path / "copy"
    foretold = host("git", repo=str(repository), dest=str(dest), check=True, diff=True)
    assert (foretold["changed"], dest.exists()) == (True, False)
    result = host("git", repo=str(repository), dest=str(dest), diff=True)
    assert result["failed"] is False, result
    assert (result["before"], result["after"]) == (None, foretold["after"])
    assert result["diff"]["prepared"] == f">> Newly checked out {result['after']}"
    assert host("git", repo=str(repository), dest=str(dest))["changed"] is False
    back = host("git", repo=str(repository), dest=str(dest), version="v1", diff=True)
    assert (back["changed"], back["before"]) == (True, result["after"])
    assert "-two\n+one\n" in back["diff"]["prepared"]
    assert (dest / "file").read_text() == "one\n"


def test_git_shows_no_password(host, repository, tmp_path):
    result = host("git", repo="http://user:hushhush@127.0.0.1:9/x.git", dest=str(tmp_path / "x"))
    assert result["failed"] is True
    assert "hushhush" not in str(result)
    assert "127.0.0.1" in result["msg"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"version": "--upload-pack=x"}, "version cannot begin with a dash"),
        ({"bare": True, "separate_git_dir": "/x"}, "mutually exclusive: separate_git_dir|bare"),
        ({"accept_hostkey": True, "accept_newhostkey": True}, "mutually exclusive"),
        ({"archive_prefix": "x"}, "required by 'archive_prefix': archive"),
        ({"dest": None}, "the destination directory must be specified unless clone=no"),
    ],
)
def test_git_refuses(host, repository, tmp_path, args, words):
    result = host("git", **{"repo": str(repository), "dest": str(tmp_path / "copy"), **args})
    assert words in result["msg"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, "one of the following is required: name, requirements"),
        ({"name": ["x"], "requirements": "y"}, "mutually exclusive: name|requirements"),
        ({"name": ["x"], "state": "latest", "version": "1"}, "version is incompatible with state=latest"),
        ({"name": ["x", "y"], "version": "1"}, "'version' argument is ambiguous"),
        ({"name": ["x>1"], "version": "1"}, "conflicts with any version specifier"),
        ({"name": ["--index-url=http://x"]}, "options go into extra_args"),
        ({"name": ["x"], "executable": "pip-nowhere"}, "Unable to find any of pip-nowhere to use."),
        (
            {"name": ["x"], "virtualenv": "/nowhere/e", "virtualenv_command": "nowhere -x"},
            'required executable "nowhere"',
        ),
    ],
)
def test_pip_refuses(host, args, words):
    result = host("pip", **args)
    assert result["failed"] is True
    assert words in result["msg"]


def test_package_facts_of_dpkg(host):
    if shutil.which("dpkg-query") is None:
        pytest.skip("left out: there is no dpkg on this machine")
    packages = host("package_facts")["ansible_facts"]["packages"]
    assert packages["dpkg"][0]["source"] == "apt"
    refused = host("package_facts", manager=["rmp"])
    assert refused["msg"] == "Unsupported package managers requested: rmp"


@pytest.mark.parametrize(("module", "args"), [("dnf", {"name": "x"}), ("dnf5", {"name": "x"})])
def test_a_host_without_the_program(host, module, args):
    if shutil.which(module):
        pytest.skip(f"this host has {module}")
    result = host(module, **args)
    assert result["msg"].startswith("this host has no ")
    assert "ansible_pkg_mgr" in result["hint"]


def test_rpm_key_needs_rpm(host):
    if shutil.which("rpm"):
        pytest.skip("this host has rpm")
    assert "needs rpm" in host("rpm_key", key="DEADBEEF")["msg"]
