"""Check how long the agent's certificate is still valid."""

import time

from stella_ops.remote.lib import health, layout, x509

CHECK = {"name": "Certificate Expiry", "id": "certificate-expiry", "category": "Security"}

ARGUMENTS = {
    "prefix": {"type": "path"},
    # Warn this many days before; by default 7, or the agent's own renewal threshold if that is shorter,
    # so that a fleet of short-lived certificates is not warned of all day.
    "warning_days": {"type": "float"},
    # Judge for this time (seconds since the epoch) instead of the host's clock.
    "now": {"type": "float"},
}

DAY = 86400.0
WARNING_DAYS = 7.0


def run(task):
    found = layout.Layout.find(task.args["prefix"])
    config = health.configuration(found)
    path = health.setting(config, "certificates", "certificate_path") or found.certificate
    try:
        certificate = x509.certificates(health.read_text(path))[0]
    except x509.CertificateError as problem:
        return health.critical(
            "Certificate cannot be read: {}".format(problem),
            "Run 'stella agent bootstrap' to provision certificate",
            runbook="agent-cert-invalid",
            data={"path": path},
        )
    except OSError as problem:
        if not health.is_missing(problem):
            return health.cannot_look(path, problem)
        return health.critical(
            "No certificate found",
            "Run 'stella agent bootstrap' to provision certificate",
            runbook="agent-no-certificate",
            data={"path": path},
        )

    now = time.time() if task.args["now"] is None else task.args["now"]
    left = certificate.not_after - now
    days = left / DAY
    expires = health.universal(certificate.not_after)
    data = {
        "path": path,
        "expires_at": health.iso(certificate.not_after),
        "expires_in_days": round(days, 4),
        "fingerprint_sha256": certificate.fingerprint,
    }
    if left <= 0:
        return health.critical(
            "Certificate expired on {}".format(expires),
            "Run 'stella agent renew-cert' or restart agent for auto-renewal",
            runbook="agent-cert-expired",
            data=data,
        )
    if days <= warning_days(task.args["warning_days"], config):
        return health.warning(
            "Certificate expires in {} days".format(health.whole(days)),
            "Certificate will auto-renew if enabled, or run 'stella agent renew-cert'",
            data=data,
        )
    return health.healthy("Certificate valid until {} ({} days)".format(expires, health.whole(days)), data=data)


def warning_days(given, config):
    if given is not None:
        return given
    threshold = health.seconds(health.setting(config, "certificates", "renewal_threshold"))
    return WARNING_DAYS if not threshold else min(WARNING_DAYS, threshold / DAY)
