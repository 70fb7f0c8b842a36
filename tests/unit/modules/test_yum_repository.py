"""``yum_repository``: the files it keeps."""

from __future__ import annotations

from typing import Any


def test_a_repository_comes_changes_and_goes(host: Any) -> None:
    wanted: dict[str, Any] = {"name": "probe", "reposdir": str(host.folder)}
    full = {**wanted, "description": "A probe", "baseurl": ["http://a/", "http://b/"], "gpgcheck": "no"}
    path = host.folder / "probe.repo"
    foretold = host("yum_repository", check=True, **full)
    assert foretold["changed"] and not path.exists()
    result = host("yum_repository", **full, mode="0640")
    assert (result["changed"], result["repo"], result["state"]) == (True, "probe", "present"), result
    assert path.read_text() == "[probe]\nbaseurl = http://a/\n\thttp://b/\ngpgcheck = 0\nname = A probe\n\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert host("yum_repository", **full)["changed"] is False
    other = {
        "name": "other",
        "file": "probe",
        "description": "O",
        "metalink": "http://m/",
        "reposdir": str(host.folder),
    }
    result = host("yum_repository", **other, exclude=["a", "b"], password="hidden words")
    assert "hidden words" not in str(result) and "exclude = a b" in result["diff"]["after"]
    assert "password = hidden words" in path.read_text()
    assert host("yum_repository", **wanted, state="absent")["changed"]
    assert host("yum_repository", **{**other, "state": "absent"})["changed"]
    assert not path.exists()
    assert host("yum_repository", **wanted, state="absent")["changed"] is False


def test_what_cannot_be(host: Any) -> None:
    def said(**args: Any) -> str:
        return str(host("yum_repository", name="x", **args)["msg"])

    assert (
        said(description="x") == "state is present but any of the following are missing: baseurl, mirrorlist, metalink"
    )
    assert said(baseurl="x") == "state is present but all of the following are missing: description"
    assert said(baseurl="x", description="x", reposdir="/nothere") == "Repo directory '/nothere' does not exist."
    (host.folder / "x.repo").write_text("no section\n")
    assert "is no file of repositories" in said(baseurl="x", description="x", reposdir=str(host.folder))
