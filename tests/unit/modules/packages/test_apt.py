"""Packages with the real apt-get and dpkg, on a root of their own."""

from __future__ import annotations

import os
import threading

import pytest


@pytest.fixture
def ready(apt):
    result = apt(update_cache=True)
    assert result["failed"] is False, result
    return apt


def test_lists_are_updated_once_as_long_as_they_are_young(apt, debian):
    foretold = apt(update_cache=True, check=True)
    assert (foretold["changed"], foretold["cache_updated"]) == (True, True)
    assert list((debian.root / "var/lib/apt/lists").glob("*Packages")) == []
    os.utime(debian.root / "var/lib/apt/lists", (1000, 1000))
    first = apt(update_cache=True)
    assert (first["changed"], first["cache_updated"]) == (True, True), first
    assert first["cache_update_time"] > 1000
    again = apt(cache_valid_time=3600)
    assert (again["changed"], again["cache_updated"]) == (False, False)
    assert again["cache_update_time"] == first["cache_update_time"]


def test_every_python(interpreter, host_under, debian):
    host = host_under(interpreter)
    assert host("apt", environment=debian.environment, name="alpha", update_cache=True)["changed"] is True
    assert host("apt", environment=debian.environment, name="alpha", state="absent", purge=True)["changed"] is True
    assert debian.installed() == {}


def test_present_once(ready, debian):
    foretold = ready(name="beta", check=True, diff=True)
    assert foretold["changed"] is True
    assert "gamma" in foretold["diff"]["prepared"]
    assert debian.installed() == {}
    result = ready(name="beta")
    assert result["changed"] is True, result
    assert debian.installed() == {"beta": "1:0.5-1", "gamma": "3", "delta": "4"}
    assert debian.automatic() == {"gamma", "delta"}
    for more in ({}, {"check": True}, {"state": "latest"}):
        again = ready(name="beta", **more)
        assert again["changed"] is False, again
        assert "stdout" not in again


def test_what_is_asked_for_by_name_is_no_longer_automatic(ready, debian):
    ready(name="beta")
    assert ready(name="gamma")["changed"] is False
    assert debian.automatic() == {"delta"}


def test_install_recommends(ready, debian):
    assert ready(name=["beta"], install_recommends=False)["changed"] is True
    assert set(debian.installed()) == {"beta", "gamma"}


@pytest.mark.parametrize(
    ("before", "spec", "version"),
    [
        (None, "alpha=1.1", "1.1"),
        (None, "alpha=1.*", "1.1"),
        (None, "alpha>=1.1", "2.0"),
        ("1.0", "alpha=1.1", "1.1"),
        ("1.0", "alpha=1.*", "1.1"),
        ("1.0", "alpha>=1.1", "2.0"),
        ("1.0", "alpha>=1.0", "1.0"),
        ("1.1", "alpha=1.1", "1.1"),
        ("1.0", "alpha", "1.0"),
    ],
)
def test_versions(ready, debian, before, spec, version):
    if before:
        ready(name=f"alpha={before}")
    result = ready(name=spec)
    assert result["failed"] is False, result
    assert result["changed"] is (before != version)
    assert debian.installed() == {"alpha": version}
    assert ready(name=spec)["changed"] is False


def test_latest(ready, debian):
    ready(name="alpha=1.0")
    assert ready(name=["alpha", "gamma"], state="latest", check=True)["changed"] is True
    assert ready(name=["alpha", "gamma"], state="latest")["changed"] is True
    assert debian.installed() == {"alpha": "2.0", "gamma": "3"}
    assert ready(name=["alpha", "gamma"], state="latest")["changed"] is False


def test_a_downgrade_has_to_be_allowed(ready, debian):
    ready(name="alpha")
    refused = ready(name="alpha=1.0")
    assert refused["failed"] is True
    assert "--allow-downgrades" in refused["msg"]
    assert refused["rc"] == 100
    assert ready(name="alpha=1.0", allow_downgrade=True)["changed"] is True
    assert debian.installed() == {"alpha": "1.0"}


def test_only_upgrade_leaves_alone_what_is_not_there(ready, debian):
    ready(name="alpha=1.0")
    result = ready(name=["alpha", "gamma"], state="latest", only_upgrade=True)
    assert result["changed"] is True, result
    assert debian.installed() == {"alpha": "2.0"}


def test_absent_and_purge(ready, debian):
    ready(name="alpha")
    conf = debian.root / "etc/alpha.conf"
    assert ready(name="alpha", state="absent", check=True)["changed"] is True
    assert ready(name="alpha=9", state="absent")["changed"] is False
    assert debian.installed() == {"alpha": "2.0"}
    assert ready(name="alpha", state="absent")["changed"] is True
    assert debian.installed() == {}
    assert conf.exists()
    assert ready(name="alpha", state="absent")["changed"] is False
    assert ready(name="alpha", state="absent", purge=True)["changed"] is True
    assert not conf.exists()
    assert ready(name="alpha", state="absent", purge=True)["changed"] is False
    assert ready(name="no-such-package", state="absent")["changed"] is False


def test_autoremove(ready, debian):
    ready(name="beta")
    assert ready(autoremove=True)["changed"] is False
    assert ready(name="beta", state="absent")["changed"] is True
    assert ready(autoremove=True, check=True)["changed"] is True
    assert ready(autoremove=True)["changed"] is True
    assert debian.installed() == {}
    ready(name="beta")
    ready(name="beta", state="absent", autoremove=True)
    assert debian.installed() == {}


def test_wildcards_in_names(ready, debian):
    assert ready(name="alpha*")["changed"] is True
    assert debian.installed() == {"alpha": "2.0", "alpha-extra": "1.0"}
    assert ready(name="alpha*")["changed"] is False
    assert ready(name="alpha*", state="absent")["changed"] is True
    assert debian.installed() == {}
    assert ready(name="nothing*")["msg"] == "No package(s) matching 'nothing*' available"


def test_a_virtual_package_is_there_when_something_provides_it(ready, debian):
    refused = ready(name="mailer")
    assert refused["failed"] is True
    assert "mailer" in refused["msg"]
    ready(name="mailer-two")
    assert ready(name="mailer")["changed"] is False


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"name": "alhpa"}, "No package matching 'alhpa' is available"),
        ({"name": "alpha="}, "no available installation candidate for alpha="),
        ({"name": "alpha=7"}, "no available installation candidate for alpha=7"),
        ({"name": "alpha>=7"}, "no available installation candidate for alpha>=7"),
        ({"name": "a=1=2"}, "invalid package spec: a=1=2"),
        ({"name": "--simulate"}, "No package matching '--simulate' is available"),
        ({"name": "gamma-"}, "No package matching 'gamma-' is available"),
        ({"name": "alpha", "upgrade": "dist"}, "mutually exclusive: deb|package|upgrade"),
        ({"deb": "/nowhere.deb"}, "Could not open file /nowhere.deb"),
        ({"deb": "/nowhere.deb", "state": "latest"}, "deb only supports state=present"),
        ({"name": ["*", "alpha"], "state": "latest"}, "when upgrading all installed packages"),
    ],
)
def test_what_cannot_be_done_is_said(ready, debian, args, words):
    result = ready(**args)
    assert result["failed"] is True
    assert words in result["msg"]
    assert debian.installed() == {}


def test_fail_on_autoremove(ready, debian):
    ready(name="gamma")
    assert ready(name="rival", fail_on_autoremove=True)["failed"] is True
    assert debian.installed() == {"gamma": "3"}
    assert ready(name="rival")["changed"] is True
    assert debian.installed() == {"rival": "1"}


@pytest.mark.parametrize("how", [{"upgrade": "yes"}, {"upgrade": "dist"}, {"name": "*", "state": "latest"}])
def test_upgrade_of_all(ready, debian, how):
    ready(name=["alpha=1.0", "gamma"])
    assert ready(check=True, force_apt_get=True, **how)["changed"] is True
    result = ready(force_apt_get=True, **how)
    assert result["changed"] is True
    assert "1 upgraded" in result["msg"]
    assert debian.installed() == {"alpha": "2.0", "gamma": "3"}
    assert ready(force_apt_get=True, **how)["changed"] is False


def test_deb_files(ready, debian, tmp_path):
    path = debian.build("local", "1.0", "Depends: gamma\n", tmp_path)
    assert ready(deb=str(path), check=True)["changed"] is True
    assert debian.installed() == {}
    assert ready(deb=f"file://{path}")["changed"] is True
    assert debian.installed() == {"local": "1.0", "gamma": "3"}
    assert ready(deb=str(path))["changed"] is False
    newer = debian.build("local", "1.1", "", tmp_path)
    other = debian.build("second", "1", "", tmp_path)
    assert ready(deb=f"{newer},{other}")["changed"] is True
    assert debian.installed() == {"local": "1.1", "gamma": "3", "second": "1"}
    refused = ready(deb=str(path))
    assert refused["msg"].startswith("A later version is already installed: local 1.1")
    assert ready(deb=str(path), allow_downgrade=True)["changed"] is True
    (tmp_path / "broken.deb").write_text("no package")
    assert ready(deb=str(tmp_path / "broken.deb"))["msg"].startswith("Unable to install package: ")


def test_held_packages(ready, debian):
    ready(name="alpha=1.0")
    debian.run("apt-mark", "hold", "alpha")
    assert ready(name="alpha", state="latest")["failed"] is True
    assert ready(name="alpha", state="latest", allow_change_held_packages=True)["changed"] is True


def test_the_lock_of_another_program_is_waited_for(ready, debian):
    import fcntl

    lock = (debian.root / "var/lib/apt/lists/lock").open("w")
    fcntl.lockf(lock, fcntl.LOCK_EX)
    refused = ready(update_cache=True, lock_timeout=0, update_cache_retries=1)
    assert "Could not get lock" in refused["msg"]
    assert "another program manages packages" in refused["hint"]
    timer = threading.Timer(1.5, lock.close)
    timer.start()
    assert ready(update_cache=True, lock_timeout=30, update_cache_retries=1)["failed"] is False
    timer.join()


def test_an_index_that_cannot_be_fetched_fails(apt, debian):
    with debian.sources.open("a") as out:
        out.write(f"deb [trusted=yes] file:{debian.root}/nowhere ./\n")
    result = apt(update_cache=True, update_cache_retries=2, update_cache_retry_max_delay=0)
    assert result["failed"] is True
    assert result["msg"].startswith("Failed to update apt cache after 2 retries: ")
    assert "retrying" in result["warnings"][0]


def test_clean_and_autoclean(ready, debian):
    kept = debian.root / "var/cache/apt/archives/gamma_3_all.deb"
    kept.write_text("x")
    assert ready(clean=True, check=True)["changed"] is True
    assert kept.exists()
    assert ready(clean=True)["changed"] is True
    assert not kept.exists()
    assert ready(autoclean=True)["changed"] is False


def test_fixed_repairs_broken_dependencies(ready, debian, tmp_path):
    path = debian.build("needs", "1", "Depends: gamma\n", tmp_path)
    words = ["dpkg", f"--root={debian.root}", "--force-not-root", "--unpack", str(path)]
    debian.run(*words)
    assert ready(state="fixed")["changed"] is True
    assert debian.installed() == {"needs": "1", "gamma": "3"}
    assert ready(state="fixed")["changed"] is False
