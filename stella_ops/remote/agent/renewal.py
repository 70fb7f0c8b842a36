"""When the agent's certificate is renewed, and how.

It is due at min(``renewal_threshold``, a third of its life) before its end, and up to a fifth of that later, by
the certificate's own fingerprint: a fleet that was enrolled in one hour is not renewed in one.
"""

import calendar
import time

from stella_ops.remote.agent import certificate, keys, storage
from stella_ops.remote.agent.identity import install_identity
from stella_ops.remote.agent.problem import Problem
from stella_ops.remote.lib import agent_config

RETRY_SECONDS = 300.0
JITTER = 0.2


def due_at(known, values):
    """When a certificate (of ``read_certificate``) is to be renewed, in seconds since the epoch; None for never."""
    settings = values["certificates"]
    if known is None or not settings["auto_renew"] or settings["source"] != "auto_provision":
        return None
    begin, end = _moment(known["not_before"]), _moment(known["not_after"])
    window = min(agent_config.parse_duration(settings["renewal_threshold"]), (end - begin) / 3.0)
    share = int(known["fingerprint_sha256"][:8], 16) / float(1 << 32)
    return end - window + JITTER * window * share


def renew(layout, client, known, who):
    """Ask for a certificate for the present key and put it in place; the new fingerprint.

    Args:
        client: a ``Client`` that shows the certificate ``known``.
        who: mapping with agent_id, name and environment.

    Raises:
        Problem: the one that is there stays.
    """
    token = known["fingerprint_sha256"][:16]  # in a challenge it stands where a token's id does
    proof = keys.request_certificate(layout, who["agent_id"], who["name"], who["environment"], token)
    proof.pop("challenge", None)
    answer = client.json("POST", "/v1/agents/self/certificate", proof)
    chain, root = answer.get("chain"), answer.get("ca")
    if not isinstance(chain, str) or not isinstance(root, str):
        raise Problem("bad-answer", "%s: the answer holds no certificate" % client.endpoint.url)
    try:
        offered = certificate.pem_blocks(root.encode("ascii", "replace"))[0]
    except ValueError:
        offered = b""
    present = storage.read_bytes(layout.ca) or b""
    if offered != certificate.pem_blocks(present)[0]:
        message = "%s: the answer's CA is not the one that this agent trusts" % client.endpoint.url
        raise Problem("other-ca", message, "a new CA is taken by enrolling again with a new token")
    return install_identity(layout, chain, present.decode("ascii"))["fingerprint_sha256"]


def _moment(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
