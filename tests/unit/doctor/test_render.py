import json
import unicodedata

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.doctor.render import clean, render_json, render_table, render_yaml, summary
from stella_ops.doctor.report import AgentInfo, DoctorRun, Unreachable


def test_json_is_the_document_and_nothing_else(full_run):
    text = render_json(full_run)
    assert json.loads(text) == full_run.to_json()
    assert text.endswith("}\n")
    assert text.isascii()


def test_yaml_is_the_same_document(full_run):
    assert yaml.safe_load(render_yaml(full_run)) == full_run.to_json()
    assert render_yaml(full_run).startswith("schema: stella.doctor-run/v1\n")


def test_table(full_run):
    assert render_table(full_run).splitlines() == [
        "web-01  HEALTHY",
        "  ✓ healthy  Check 0  it is healthy",
        "  ✓ healthy  Check 1  it is healthy",
        "",
        "web-02 (web-two)  CRITICAL",
        "  ✗ critical  Certificate Expiry   Certificate expired on 2026-01-01 00:00:00Z",
        "                                   → Run 'stella agent renew-cert' or restart agent for auto-renewal",
        "                                   → https://docs.stella-ops.org/runbooks/agent-cert-expired",
        "  ! warning   Docker Connectivity  old",
        "  ? error     DNS Resolution       Check failed with exception: it hung",
        "  ✓ healthy   Disk Space           fine",
        "  To do:",
        "   1. Renew Agent Certificate: stella agent renew-cert --force",
        "   2. Check Docker Daemon: systemctl status docker",
        "   3. Restart Agent: systemctl restart stella-agent",
        "   4. Check Agent Logs: stella agent logs --tail 100",
        "   5. Check Docker Socket Permissions: ls -la /var/run/docker.sock && groups stella-agent",
        "",
        "web-03  UNREACHABLE",
        "  Connection refused",
        "  → is sshd running?",
        "",
        "web-04  UNREACHABLE",
        "  timed out",
        "",
        "4 hosts: 1 healthy, 0 not healthy, 3 could not be checked",
    ]


def test_table_without_hints(full_run):
    text = render_table(full_run, hints=False)
    assert "→" not in text
    assert "To do" not in text


def test_colours_only_when_asked_for(full_run):
    plain, coloured = render_table(full_run), render_table(full_run, color=True)
    assert "\x1b" not in plain
    assert "\x1b[31m✗ critical\x1b[0m" in coloured
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[35m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


@pytest.mark.parametrize(
    ("hosts", "gone", "line"),
    [
        ([["healthy"]], 0, "1 host: 1 healthy, 0 not healthy, 0 could not be checked"),
        (
            [["healthy"], ["healthy"], ["warning"]],
            0,
            "3 hosts: 2 healthy, 1 not healthy, 0 could not be checked",
        ),
        ([["critical"], ["error"]], 2, "4 hosts: 0 healthy, 1 not healthy, 3 could not be checked"),
        ([["critical", "error"]], 0, "1 host: 0 healthy, 0 not healthy, 1 could not be checked"),
        ([], 0, "0 hosts: 0 healthy, 0 not healthy, 0 could not be checked"),
    ],
)
def test_summary(report, hosts, gone, line):
    run = DoctorRun([report("h", *results) for results in hosts], [Unreachable("g", "x")] * gone)
    assert summary(run) == line


def test_a_host_cannot_write_to_the_terminal(report, answer):
    evil = "\x1b[2J\x07all fine\r\n\u202eok\x9b31m"
    bad = answer("critical", evil, remediation_hint=evil, runbook_url=evil)
    text = render_table(DoctorRun([report("h", bad, agent=AgentInfo(None, evil))], [Unreachable("g", evil, evil)]))
    assert not any(unicodedata.category(char) in ("Cc", "Cf") for char in text.replace("\n", ""))
    assert "�[2J�all fine �ok�31m" in text
    assert len(text.splitlines()) == 12


@given(st.text(st.characters()))
def test_clean(text):
    cleaned = clean(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in cleaned)
    assert len(cleaned.splitlines()) <= 1
    cleaned.encode()
