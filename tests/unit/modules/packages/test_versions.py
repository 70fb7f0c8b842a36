"""Versions of RPM packages and of Python packages: how they are ordered, and what fits what is asked for."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from stella_ops.remote.lib import pip_requirements, rpm_versions


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0", "1.1"),
        ("1.9", "1.10"),
        ("1", "1.0"),
        ("1.0a", "1.0b"),
        ("1.0~rc1", "1.0"),
        ("1.0~rc1", "1.0~rc2"),
        ("1.0", "1.0^git1"),
        ("1.0^git1", "1.0.1"),
        ("1.0~rc1^a", "1.0"),
        ("a", "1"),
        ("1.a", "1.1"),
    ],
)
def test_rpm_versions(older, newer):
    assert rpm_versions.compare(older, newer) == -1
    assert rpm_versions.compare(newer, older) == 1
    assert rpm_versions.compare(older, older) == 0


def test_rpm_versions_that_are_written_otherwise_are_the_same():
    assert rpm_versions.compare("1.05", "1.5") == 0
    assert rpm_versions.compare("1_0", "1.0") == 0


@pytest.mark.parametrize(
    ("installed", "operator", "wanted", "holds"),
    [
        ("0:1.0-1", ">=", "1.0", True),
        ("1:1.0-1", ">", "2.0", True),
        ("0:1.0-2", "=", "1.0-1", False),
        ("(none):1.0-2", "==", "1.0", True),
        ("0:1.0-2", "<", "1.0-3", True),
    ],
)
def test_rpm_relations(installed, operator, wanted, holds):
    version = rpm_versions.Version
    assert rpm_versions.holds(version(installed), operator, version(wanted)) is holds


VERSIONS = [
    "1",
    "1.0",
    "1.0.1",
    "1.1",
    "1.1.dev1",
    "1.1a1",
    "1.1b2",
    "1.1rc1",
    "1.1.post1",
    "1.1+local.2",
    "2.0",
    "1!0.5",
]
CLAUSES = [
    "==1.0",
    "==1.*",
    "==1.1",
    "!=1.1",
    "!=1.1.*",
    ">=1.1",
    ">1.1",
    "<1.1",
    "<=1.1",
    "~=1.0",
    "~=1.0.1",
    ">=1.1a1",
]
CLAUSES += ["<1.1rc1", ">1.1.post0", "===1.0", "==1.1+local.2", ">=1,<2"]


@pytest.mark.parametrize("clause", CLAUSES)
def test_python_versions_as_the_library_of_pip_compares_them(clause):
    requirement = pip_requirements.Requirement("some.Thing" + clause)
    assert requirement.name == "some-thing"
    for version in VERSIONS:
        assert requirement.is_met_by(version) is SpecifierSet(clause).contains(version, prereleases=True), version


def test_python_versions_are_ordered_as_the_library_of_pip_orders_them():
    assert sorted(VERSIONS, key=pip_requirements.key) == sorted(VERSIONS, key=Version)


@pytest.mark.parametrize(
    ("names", "texts"),
    [
        (["a", "b"], ["a", "b"]),
        (["django>1.11.1", "<1.11.3", "other"], ["django>1.11.1,<1.11.3", "other"]),
        (["django>1.11.1,<1.11.3,other"], ["django>1.11.1,<1.11.3", "other"]),
        (["x[one", "two]==1"], ["x[one,two]==1"]),
    ],
)
def test_what_commas_tore_apart(names, texts):
    assert pip_requirements.joined(names) == texts


@pytest.mark.parametrize("text", ["git+https://example.org/x.git", "./folder", "/abs/x.whl", "x @ https://e.org/x.whl"])
def test_paths_and_urls_have_no_version_to_compare(text):
    requirement = pip_requirements.Requirement(text)
    assert (requirement.text, requirement.clauses) == (text, [])
