import shutil


def test_no_certificate(host, check, runbooks):
    result = check("certificate_expiry", prefix=host.prefix)
    assert result["status"] == "critical"
    assert result["message"] == "No certificate found"
    assert result["remediation_hint"] == "Run 'stella agent bootstrap' to provision certificate"
    assert result["runbook_url"] == runbooks + "agent-no-certificate"


def test_expired(host, check, runbooks):
    host.enrol(days=(0, 365))
    result = check("certificate_expiry", prefix=host.prefix, now=host.at(365))
    assert result["status"] == "critical"
    assert result["message"] == "Certificate expired on 2020-12-31 00:00:00Z"
    assert result["remediation_hint"] == "Run 'stella agent renew-cert' or restart agent for auto-renewal"
    assert result["runbook_url"] == runbooks + "agent-cert-expired"


def test_expires_soon(host, check):
    host.enrol(days=(0, 365))
    result = check("certificate_expiry", prefix=host.prefix, now=host.at(365 - 7))
    assert result["status"] == "warning"
    assert result["message"] == "Certificate expires in 7 days"
    assert result["remediation_hint"] == ("Certificate will auto-renew if enabled, or run 'stella agent renew-cert'")
    assert result["runbook_url"] is None
    assert result["data"]["expires_at"] == "2020-12-31T00:00:00Z"
    assert result["data"]["expires_in_days"] == 7.0


def test_valid(host, check):
    host.enrol(days=(0, 365))
    result = check("certificate_expiry", prefix=host.prefix, now=host.at(365 - 7.6))
    assert result["status"] == "healthy"
    assert result["message"] == "Certificate valid until 2020-12-31 00:00:00Z (8 days)"


def test_judged_by_the_clock_when_no_time_is_given(host, check):
    host.enrol(days=(0, 365))
    assert check("certificate_expiry", prefix=host.prefix)["message"].startswith("Certificate expired on")
    host.enrol(days=(0, 36500))
    assert check("certificate_expiry", prefix=host.prefix)["status"] == "healthy"


def test_days_are_rounded_as_dotnet_rounds(host, check):
    host.enrol(days=(0, 365))
    result = check("certificate_expiry", prefix=host.prefix, now=host.at(365 - 2.5))
    assert result["message"] == "Certificate expires in 3 days"


def test_a_shorter_renewal_threshold_warns_later(host, check):
    host.enrol(days=(0, 3))
    host.configure(certificates={"renewal_threshold": "1d"})
    assert check("certificate_expiry", prefix=host.prefix, now=host.at(1))["status"] == "healthy"
    assert check("certificate_expiry", prefix=host.prefix, now=host.at(2.1))["status"] == "warning"
    host.configure(certificates={"renewal_threshold": "30d"})
    host.enrol(days=(0, 365))
    assert check("certificate_expiry", prefix=host.prefix, now=host.at(350))["status"] == "healthy"


def test_the_warning_can_be_asked_for_earlier(host, check):
    host.enrol(days=(0, 365))
    result = check("certificate_expiry", prefix=host.prefix, now=host.at(340), warning_days=30)
    assert result["status"] == "warning"


def test_not_a_certificate(host, check, runbooks):
    host.write(host.layout.certificate, b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    result = check("certificate_expiry", prefix=host.prefix)
    assert result["status"] == "critical"
    assert result["message"].startswith("Certificate cannot be read: ")
    assert result["runbook_url"] == runbooks + "agent-cert-invalid"


def test_the_configured_file_is_the_one_that_counts(host, check, tmp_path):
    host.enrol(days=(0, 365))
    elsewhere = tmp_path / "own.crt"
    shutil.copy(host.layout.certificate, elsewhere)
    host.enrol(days=(0, 1))
    host.configure(certificates={"source": "file", "certificate_path": str(elsewhere)})
    assert check("certificate_expiry", prefix=host.prefix, now=host.at(100))["status"] == "healthy"


def test_not_allowed_to_look(open_host, check_as_nobody):
    open_host.enrol()
    open_host.write(open_host.layout.certificate, b"", 0o600)
    result = check_as_nobody("certificate_expiry", prefix=open_host.prefix)
    assert result["status"] == "error"
    assert result["message"] == f"Cannot read {open_host.layout.certificate}: Permission denied"


def test_every_python(host, any_python, check_under):
    host.enrol(days=(0, 365))
    calls = [("certificate_expiry", {"prefix": host.prefix, "now": host.at(day)}) for day in (1, 360, 400)]
    assert [r["status"] for r in check_under(any_python, calls)] == ["healthy", "warning", "critical"]
