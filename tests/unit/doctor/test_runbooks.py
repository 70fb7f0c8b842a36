"""Every page that a check points to exists, says what a page must, and names commands that exist."""

import ast
import re

import pytest

SECTIONS = ["Symptoms", "Causes", "What to do", "How to verify"]


@pytest.fixture(scope="module")
def slugs(request):
    """Slugs that checks use: every literal in them that has a slug's form."""
    found = set()
    for path in (request.config.rootpath / "modules" / "doctor").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and re.fullmatch(r"agent(-[a-z]+)+", text):
                found.add(text)
    return found


@pytest.fixture(scope="module")
def pages(request):
    folder = request.config.rootpath / "docs" / "runbooks"
    return {path.stem: path.read_text() for path in folder.glob("*.md") if path.stem != "README"}


def test_the_specifications_pages_are_used(slugs):
    assert {"agent-no-certificate", "agent-cert-expired", "agent-dns-failure", "agent-docker-connectivity"} <= slugs


def test_each_slug_has_its_page_and_each_page_its_slug(slugs, pages):
    assert set(pages) == slugs


def test_every_runbook_a_check_passes_is_a_slug(request):
    """A slug put together at run time would escape the other tests."""
    for path in (request.config.rootpath / "modules" / "doctor").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "runbook":
                assert isinstance(node.value, ast.Constant | ast.Name), f"{path}:{node.value.lineno}"


def test_every_page_tells_all(pages):
    for slug, text in pages.items():
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS, slug
        for section in text.split("\n## ")[1:]:
            assert len(section.splitlines()) > 2, (slug, section)
        assert "stella-ops doctor HOST" in text.split("## How to verify")[1], slug


def test_every_page_is_in_the_index(request, pages):
    index = (request.config.rootpath / "docs" / "runbooks" / "README.md").read_text()
    assert set(re.findall(r"\]\(([a-z-]+)\.md\)", index)) == set(pages)
