"""Check that the agent's certificate, key and CA belong together and fit the agent."""

import os
import ssl
import stat
import time

from stella_ops.remote.lib import health, layout, x509

CHECK = {"name": "Certificate Validity", "id": "certificate-validity", "category": "Security"}

ARGUMENTS = {
    "prefix": {"type": "path"},
    # Judge for this time (seconds since the epoch) instead of the host's clock.
    "now": {"type": "float"},
}

PROVISION = "Run 'stella agent bootstrap' to provision certificate"
RENEW = "Run 'stella agent renew-cert --force' to have a new certificate issued"

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL: times are judged here, and expiry by the check "Certificate Expiry".
NO_CHECK_TIME = 0x200000


def run(task):
    found = layout.Layout.find(task.args["prefix"])
    config = health.configuration(found)
    now = time.time() if task.args["now"] is None else task.args["now"]
    paths = identity_paths(found, config)
    try:
        chain = x509.certificates(health.read_text(paths["certificate"]))
    except x509.CertificateError as problem:
        return health.critical(
            "Certificate cannot be read: {}".format(problem),
            PROVISION,
            runbook="agent-cert-invalid",
            data=paths,
        )
    except OSError as problem:
        if not health.is_missing(problem):
            return health.cannot_look(paths["certificate"], problem)
        return health.critical("No certificate found", PROVISION, runbook="agent-no-certificate", data=paths)

    problems, not_checked = [], []
    problems += of_leaf(chain[0], config, now)
    problems += of_issuers(chain[1:], now)
    problems += of_key_file(paths["key"], not_checked)
    problems += of_chain(chain, paths, not_checked)
    data = describe(chain)
    data.update(health.agent_names(config))
    data.update({"problems": [said["message"] for said in problems], "not_checked": not_checked})
    if not problems:
        message = "Certificate of {} is issued by {}".format(chain[0].subject_cn, chain[0].issuer_cn)
        if not_checked:
            message += " (not checked: {})".format(", ".join(not_checked))
        return health.healthy(message, data=data)
    problems.sort(key=lambda said: said["status"] != "critical")
    worst = dict(problems[0], data=data)
    if len(problems) > 1:
        worst["message"] += " (and {} more)".format(len(problems) - 1)
    return worst


def identity_paths(found, config):
    """Paths of certificate, key and CA: the layout's own, unless the configuration names files."""
    given = config.get("certificates")
    given = given if isinstance(given, dict) else {}
    return {
        "certificate": given.get("certificate_path") or found.certificate,
        "key": given.get("private_key_path") or found.key,
        "ca": given.get("ca_certificate_path") or found.ca,
    }


def describe(chain):
    leaf = chain[0]
    return {
        "subject_cn": leaf.subject_cn,
        "issuer_cn": leaf.issuer_cn,
        "serial": leaf.serial,
        "fingerprint_sha256": leaf.fingerprint,
        "not_before": health.iso(leaf.not_before),
        "not_after": health.iso(leaf.not_after),
        "chain_length": len(chain),
    }


def of_leaf(leaf, config, now):
    problems = []
    if leaf.not_before > now:
        problems.append(
            health.critical(
                "Certificate is not valid before {}".format(health.universal(leaf.not_before)),
                "Check the host's clock: by it, the certificate was issued in the future",
                runbook="agent-cert-invalid",
            )
        )
    if leaf.usages is not None and not set(leaf.usages) & {x509.CLIENT_AUTH, x509.ANY_USAGE}:
        problems.append(
            health.critical(
                "Certificate is not meant for clients (no clientAuth in its extended key usage)",
                RENEW,
                runbook="agent-cert-invalid",
            )
        )
    wanted = [name for name in health.agent_names(config).values() if name]
    carried = [name for name in [leaf.subject_cn] + leaf.names if name]
    # An alternative name may carry the agent as the last part of a URI (spiffe://fleet/agent/web-01).
    carried += [name.rsplit("/", 1)[-1] for name in leaf.names]
    if wanted and not set(wanted) & set(carried):
        problems.append(
            health.critical(
                "Certificate belongs to {}, the configuration to {}".format(
                    leaf.subject_cn or "nobody", config.get("agent_name") or config.get("agent_id")
                ),
                RENEW,
                runbook="agent-cert-invalid",
            )
        )
    return problems


def of_issuers(issuers, now):
    return [
        health.critical(
            "Issuing certificate {} expired on {}".format(issuer.subject_cn, health.universal(issuer.not_after)),
            RENEW,
            runbook="agent-cert-untrusted",
        )
        for issuer in issuers
        if issuer.not_after <= now
    ]


def of_key_file(path, not_checked):
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError as problem:
        if not health.is_missing(problem):
            not_checked.append("key file mode")
            return []
        return [
            health.critical("No private key found", PROVISION, runbook="agent-cert-key-mismatch", data={"path": path})
        ]
    if mode & 0o077:
        return [
            health.critical(
                "Private key is open to other users (mode {:04o}, must be 0600)".format(mode),
                "Run 'chmod 0600 {}', and renew the certificate if others may have read the key".format(path),
                runbook="agent-key-permissions",
            )
        ]
    return []


def of_chain(chain, paths, not_checked):
    """What is wrong between certificate, key and CA.

    A TLS handshake tells if the key may be read; else it is judged by names and key ids alone.
    """
    try:
        roots = x509.certificates(health.read_text(paths["ca"]))
    except x509.CertificateError as problem:
        return [untrusted("CA certificate cannot be read: {}".format(problem))]
    except OSError as problem:
        if health.is_missing(problem):
            return [untrusted("No CA certificate found")]
        not_checked.append("chain to the CA")
        roots = None

    if not os.access(paths["key"], os.R_OK):
        if os.path.exists(paths["key"]):
            not_checked.append("key matches certificate")
        if roots is None:
            return []
        not_checked.append("signatures")
        if linked(chain + roots):
            return []
        return [untrusted("Certificate was not issued by this host's CA certificate")]
    try:
        server = context(ssl.PROTOCOL_TLS_SERVER, paths)
        client = context(ssl.PROTOCOL_TLS_CLIENT, paths)
    except (OSError, ValueError) as problem:  # ssl.SSLError is an OSError
        return [key_problem(problem)]
    if roots is None:
        return []
    try:
        server.load_verify_locations(paths["ca"])
    except OSError as problem:
        return [untrusted("CA certificate cannot be loaded: {}".format(problem))]
    server.verify_mode = ssl.CERT_REQUIRED
    server.verify_flags = ssl.VerifyFlags(int(server.verify_flags) | NO_CHECK_TIME)
    refusal = handshake(server, client)
    return [untrusted("Certificate is not accepted by the CA certificate: {}".format(refusal))] if refusal else []


def untrusted(message):
    return health.critical(message, RENEW, runbook="agent-cert-untrusted")


def key_problem(problem):
    if getattr(problem, "reason", None) == "KEY_VALUES_MISMATCH":
        message = "Private key does not match the certificate"
    else:
        message = "Certificate and private key cannot be loaded: {}".format(getattr(problem, "reason", None) or problem)
    return health.critical(message, RENEW, runbook="agent-cert-key-mismatch")


def linked(chain):
    """Whether each certificate's names and key ids lead to one that follows, up to a self-issued one."""
    current, rest = chain[0], chain[1:]
    while current.subject != current.issuer:
        above = [one for one in rest if one.may_have_issued(current)]
        if not above:
            return False
        current = above[0]
        rest = [one for one in rest if one is not current]
    return current is not chain[0]


def context(protocol, paths):
    """A TLS context with the agent's certificate and key. Raises ssl.SSLError, OSError or ValueError."""
    made = ssl.SSLContext(protocol)
    if protocol == ssl.PROTOCOL_TLS_CLIENT:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    made.load_cert_chain(paths["certificate"], paths["key"], password=no_passphrase)
    return made


def no_passphrase():
    # Without this, OpenSSL would ask on the terminal.
    raise ValueError("the key is protected by a passphrase")


def handshake(server, client):
    """Let the agent's certificate log in to a server that trusts the CA; in memory, nothing is sent.

    It is what the orchestrator will do: key, signatures, purpose and trust are proven at once.
    Returns None when the server accepts, else its reason.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_side=False),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(8):  # a handshake takes two rounds; a broken one must end, too
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as problem:
                return getattr(problem, "verify_message", None) or problem.reason or str(problem)
        if not ends:
            return None
    return "the handshake does not end"
