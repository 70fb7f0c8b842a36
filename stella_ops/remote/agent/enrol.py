"""Enrolment by the host itself: from a token to an identity that the fleet's CA vouches for.

    3 Start agent with token    the CA's root is fetched from a server that is not believed yet, and is the pinned one
    4 Exchange token            on a new connection, which trusts that root alone: who am I, and is this key mine
    5 Issue cert                chain, root and configuration are put in place

Each part is written whole or not at all, and the key stays once it is made: ended at any moment and run again
with the same token, it comes to the same identity.
"""

from stella_ops.remote.agent import certificate, configuration, keys, rpc, storage, tls_problem, trust
from stella_ops.remote.agent.http_client import Client
from stella_ops.remote.agent.identity import install_identity
from stella_ops.remote.agent.problem import Problem
from stella_ops.remote.lib import agent_config
from stella_ops.remote.lib.agent_config import NAME_PATTERN

EXCHANGE_SECONDS = 60.0

_REFUSED_HINT = (
    "a token is good for one key, one agent's name and environment, and mostly 15 minutes; it may also have been"
    " revoked: the orchestrator's audit trail has the reason. Ask for a new one ('stella-ops agent bootstrap')"
)


def enrol(layout, log, endpoint, token, pin=None, name=None, environment=None):
    """Enrol this host.

    Args:
        endpoint: an ``Endpoint`` of the orchestrator.
        token: as minted; of three parts, unless ``pin`` (hex SHA-256 of the CA's root) is given.
        name, environment: what the token was made for, to be checked; None leaves it to the token.

    Returns:
        ``{"agent_id", "name", "environment", "fingerprint_sha256", "orchestrator_url", "repeated", "changed",
        "clock_skew_seconds"}``.

    Raises:
        Problem: nothing of the host's identity has changed, except that there may be a key.
    """
    pin = pin or trust.pin_of_token(token)
    if pin is None:
        raise Problem(
            "no-pin",
            "the token does not say which CA to trust, so that no server can be believed: the token was NOT sent",
            "give --ca-pin with what 'stella-ops ca show' prints, or use the token that 'agent bootstrap' printed",
        )
    log.info("Start agent with token", step=3, orchestrator=endpoint.url)
    root, skew = trust.fetch_root(endpoint, pin)
    if tls_problem.skew_sentence(skew):
        log.warning("clock-skew", seconds=skew, problem=tls_problem.skew_sentence(skew))
    client = Client(endpoint, trust.trusting(root))
    client.skew = skew
    try:
        log.info("Exchange token", step=4, token_id=token.split(".")[0])
        who = _identity(client, token, name, environment)
        proof = keys.request_certificate(layout, who["agent_id"], who["name"], who["environment"], token)
        answer = _exchange(client, token, proof, who)
    finally:
        client.close()
    _check(answer, who, pin, endpoint)
    log.info("Issue cert", step=5, agent_id=who["agent_id"], name=who["name"], environment=who["environment"])
    installed = install_identity(layout, answer["chain"], answer["ca"])
    applied = configuration.apply(layout, answer["config"], answer["config_revision"])
    if installed["changed"] or applied["changed"]:
        rpc.wake_agent(layout)
    return {
        "agent_id": who["agent_id"],
        "name": who["name"],
        "environment": who["environment"],
        "fingerprint_sha256": installed["fingerprint_sha256"],
        "orchestrator_url": answer["config"].get("orchestrator_url"),
        "repeated": answer.get("repeated") is True,
        "changed": installed["changed"] or applied["changed"],
        "clock_skew_seconds": skew,
    }


def is_enrolled(layout):
    """Whether an enrolment came to its end: there is a certificate, and a configuration that names the agent."""
    try:
        present = storage.read_bytes(layout.certificate) and storage.read_bytes(layout.key)
    except OSError:
        return False
    return bool(present) and configuration.load(layout).values["agent_id"] is not None


def _identity(client, token, name, environment):
    who = _ask(client, "/v1/enroll/identity", {"token": token})
    for field in ("agent_id", "name", "environment"):
        # They go to a program's arguments and into a signed text.
        if not isinstance(who.get(field), str) or not NAME_PATTERN.match(who[field]):
            raise Problem("bad-answer", "%s: the answer's %s is not a name" % (client.endpoint.url, field))
    for field, wanted in (("name", name), ("environment", environment)):
        if wanted is not None and wanted != who[field]:
            raise Problem(
                "wrong-" + field,
                "the token is for %s '%s', not '%s'; it was not used" % (field, who[field], wanted),
                "leave --%s away, or ask for a token for '%s'" % (field, wanted),
            )
    return who


def _exchange(client, token, proof, who):
    document = {"token": token, "name": who["name"], "environment": who["environment"]}
    document.update((field, value) for field, value in proof.items() if field != "challenge")
    return _ask(client, "/v1/enroll", document)


def _ask(client, path, document):
    try:
        return client.json("POST", path, document, seconds=EXCHANGE_SECONDS)
    except Problem as problem:
        if problem.code == "refused":
            message = "%s: the enrolment was refused" % client.endpoint.url
            raise Problem("enrolment-refused", message, problem.hint or _REFUSED_HINT)
        raise


def _check(answer, who, pin, endpoint):
    """Refuse an answer that is not wholly usable before anything of it is installed."""
    kinds = {"chain": str, "ca": str, "config": dict, "config_revision": int}
    for field in sorted(kinds):
        if type(answer.get(field)) is not kinds[field]:
            raise Problem("bad-answer", "%s: the answer's %s is missing or of the wrong kind" % (endpoint.url, field))
    try:
        root = certificate.pem_blocks(answer["ca"].encode("ascii"))[0]
    except ValueError:
        raise Problem("bad-answer", "%s: the answer's ca is no PEM certificate" % endpoint.url)
    if storage.sha256(root) != pin:
        raise Problem("wrong-pin", "%s: the answer's CA is not the one that the token is for" % endpoint.url)
    if answer.get("agent_id") != who["agent_id"] or answer["config"].get("agent_id") != who["agent_id"]:
        raise Problem("bad-answer", "%s: the answer is for another agent than the token" % endpoint.url)
    problems = agent_config.problems_of(answer["config"])
    if problems:
        raise Problem(
            "invalid-config",
            "%s: the configuration in the answer is refused: %s" % (endpoint.url, "; ".join(problems)),
            "is the orchestrator newer than this agent? Correct the configuration, then run again",
            problems=problems,
        )
