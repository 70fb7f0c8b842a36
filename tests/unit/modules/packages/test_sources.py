"""Where apt gets packages from, and the keys it trusts: files below a root of their own, read by the real apt."""

from __future__ import annotations

import shutil
import subprocess

import pytest


@pytest.fixture
def run(debian, host):
    return lambda module, **args: host(module, environment=debian.environment, **args)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Armored key, its fingerprint, and the binary key of another."""
    if shutil.which("gpg") is None:
        pytest.skip("left out: there is no gpg to make keys with")
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)

    def gpg(*words):
        command = ["gpg", "--homedir", str(home), "--batch", "--quiet", *words]
        return subprocess.run(command, check=True, capture_output=True).stdout

    for name in ("one", "two"):
        gpg("--passphrase", "", "--quick-gen-key", f"{name}@example.org", "ed25519", "sign", "never")
    told = gpg("--with-colons", "--list-keys", "one@example.org").decode()
    fingerprint = next(line.split(":")[9] for line in told.splitlines() if line.startswith("fpr:"))
    yield gpg("--armor", "--export", "one@example.org").decode(), fingerprint, gpg("--export", "two@example.org")
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)


def targets(debian):
    return debian.run("apt-get", "update", "--print-uris")


def test_a_source_comes_and_goes(run, debian):
    repo = "deb [trusted=yes]   http://user:pass@example.org/debian  stable main"
    path = debian.etc / "sources.list.d/example_org_debian.list"
    for check in (True, False):
        result = run("apt_repository", repo=repo, update_cache=False, check=check, diff=True)
        assert result["failed"] is False, result
        assert (result["changed"], result["sources_added"]) == (True, [str(path)])
        assert result["diff"][0]["before_header"] == "/dev/null"
        assert path.exists() is not check
    assert path.read_text() == "deb [trusted=yes] http://user:pass@example.org/debian stable main\n"
    assert "example.org/debian/dists/stable/" in targets(debian)
    assert run("apt_repository", repo=repo, update_cache=False)["changed"] is False
    assert run("apt_repository", repo=repo, state="absent", update_cache=False, check=True)["changed"] is True
    result = run("apt_repository", repo=repo, state="absent", update_cache=False)
    assert result["sources_removed"] == [str(path)]
    assert not path.exists()
    assert run("apt_repository", repo=repo, state="absent", update_cache=False)["changed"] is False


def test_a_source_in_the_main_file_keeps_its_neighbours(run, debian):
    debian.sources.write_text("# a word\n\ndeb http://one.example x main # why\n# deb http://two.example x main\n")
    assert run("apt_repository", repo="deb http://two.example x main", update_cache=False)["changed"] is True
    assert run("apt_repository", repo="deb http://one.example x main", state="absent", update_cache=False)["changed"]
    assert debian.sources.read_text() == "# a word\n\ndeb http://two.example x main\n"


def test_a_named_file_and_its_mode(run, debian):
    result = run("apt_repository", repo="deb http://a.example x main", filename="mine", mode="0600", update_cache=False)
    path = debian.etc / "sources.list.d/mine.list"
    assert result["sources_added"] == [str(path)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_lists_that_cannot_be_fetched_put_the_source_back(run, debian):
    repo = f"deb [trusted=yes] file:{debian.root}/nowhere ./"
    result = run("apt_repository", repo=repo, update_cache_retries=1)
    assert result["failed"] is True
    assert result["msg"].startswith("Failed to update apt cache after 1 retries: ")
    assert list((debian.etc / "sources.list.d").iterdir()) == []
    good = f"deb [trusted=yes] file:{debian.pool}/./ ./"
    assert run("apt_repository", repo=good, update_cache_retries=1)["changed"] is True


@pytest.mark.parametrize("repo", ["http://example.org x main", "# deb http://a x main", "ppa:", "ppa:a/b/c"])
def test_what_is_no_source(run, debian, repo):
    result = run("apt_repository", repo=repo, codename="jammy", update_cache=False)
    assert "Invalid repository string" in result["msg"]


def test_a_ppa_is_foretold_without_asking_anyone(run, debian):
    result = run("apt_repository", repo="ppa:some/thing", codename="jammy", check=True, diff=True)
    assert result["changed"] is True
    assert result["diff"][0]["after"] == "deb https://ppa.launchpadcontent.net/some/thing/ubuntu jammy main\n"


def test_deb822(run, debian, keys, tmp_path):
    armored, _, _ = keys
    (tmp_path / "key.asc").write_text(armored)
    args = {
        "name": "My Repo_1!",
        "types": ["deb", "deb-src"],
        "uris": "http://example.org/debian",
        "suites": ["stable", "testing"],
        "components": ["main"],
        "allow_insecure": False,
        "date_max_future": 10,
        "signed_by": f"file://{tmp_path}/key.asc",
    }
    dest = debian.etc / "sources.list.d/my-repo-1.sources"
    key = debian.etc / "keyrings/my-repo-1.asc"
    assert run("deb822_repository", check=True, **args)["changed"] is True
    assert not dest.exists()
    assert not key.exists()
    result = run("deb822_repository", diff=True, **args)
    assert result["failed"] is False, result
    assert (result["dest"], result["key_filename"]) == (str(dest), str(key))
    wanted = f"""\
Allow-Insecure: no
Components: main
Date-Max-Future: 10
X-Repolib-Name: My Repo_1!
Signed-By: {key}
Suites: stable testing
Types: deb deb-src
URIs: http://example.org/debian
"""
    assert result["repo"] == dest.read_text() == result["diff"]["after"] == wanted
    assert key.read_text() == armored
    assert "http://example.org/debian/dists/testing/" in targets(debian)
    assert run("deb822_repository", **args)["changed"] is False
    assert run("deb822_repository", **{**args, "mode": "0600"})["changed"] is True
    assert run("deb822_repository", **{**args, "enabled": False})["changed"] is True
    assert "http://example.org/debian/dists/testing/" not in targets(debian)
    assert run("deb822_repository", name=args["name"], state="absent")["changed"] is True
    assert not dest.exists()
    assert not key.exists()
    assert run("deb822_repository", name=args["name"], state="absent")["changed"] is False


def test_deb822_with_the_key_in_it(run, debian, keys):
    args = {"name": "inline", "uris": "http://example.org/d", "suites": "stable", "components": "main"}
    result = run("deb822_repository", signed_by=keys[0], **args)
    assert "Signed-By:\n    -----BEGIN PGP PUBLIC KEY BLOCK-----\n    .\n    " in result["repo"]
    assert "http://example.org/d/dists/stable/" in targets(debian)


def test_deb822_with_no_key_at_the_url(run, debian, tmp_path):
    (tmp_path / "page.html").write_text("<html>not found</html>")
    result = run(
        "deb822_repository", name="x", uris="http://e.org", suites="./", signed_by=f"file://{tmp_path}/page.html"
    )
    assert result["failed"] is True
    assert "holds no public key" in result["msg"]
    assert run("deb822_repository", name="x", signed_by=f"file://{tmp_path}/none")["msg"].startswith(
        "Could not fetch signed_by key: "
    )


def test_apt_key(run, debian, keys, tmp_path):
    armored, fingerprint, other = keys
    assert run("apt_key", data=armored, check=True)["changed"] is True
    result = run("apt_key", data=armored)
    assert result["failed"] is False, result
    path = debian.etc / f"trusted.gpg.d/{fingerprint[-16:]}.gpg"
    assert (result["changed"], result["before"]) == (True, [])
    assert fingerprint[-16:] in result["after"]
    shown = subprocess.run(["gpg", "--show-keys", str(path)], capture_output=True, text=True, check=True).stdout
    assert fingerprint in shown
    (tmp_path / "two.gpg").write_bytes(other)
    for same in ({"data": armored}, {"id": fingerprint}, {"id": "0x" + fingerprint[-8:].lower()}):
        assert run("apt_key", **same)["changed"] is False
    refused = run("apt_key", id="A" * 40, file=str(tmp_path / "two.gpg"))
    assert "the key is another than" in refused["msg"]
    assert run("apt_key", url=f"file://{tmp_path}/two.gpg", keyring=str(path))["changed"] is True
    assert run("apt_key", id=fingerprint, state="absent", check=True)["changed"] is True
    assert run("apt_key", id=fingerprint, state="absent")["changed"] is True
    assert path.read_bytes() == other
    assert run("apt_key", id=fingerprint, state="absent")["changed"] is False
    assert run("apt_key", file=str(tmp_path / "two.gpg"), state="absent")["changed"] is True
    assert not path.exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"id": "xyz"}, "Invalid key_id"),
        ({"id": "0" * 16}, "none given"),
        ({"keyserver": "keys.example.org"}, "Missing key_id"),
        ({"data": "x", "url": "http://e.org"}, "mutually exclusive"),
        ({"data": "no key at all"}, "Unable to extract key from 'data'"),
        ({}, "Invalid key_id"),
    ],
)
def test_apt_key_without_a_key(run, debian, args, words):
    result = run("apt_key", **args)
    assert result["failed"] is True
    assert words in result["msg"]
