"""Installs the certificate chain that the controller issued for this host's key."""

import os

from stella_ops.remote.agent import certificate, storage, succession
from stella_ops.remote.agent.keys import Workshop
from stella_ops.remote.agent.problem import Problem


def install_identity(layout, chain, ca):
    """Put the chain (PEM text, leaf first) and the root (PEM text) in place, when they are for our key.

    When they are for the key that is to follow it, the key takes its place with them (see ``succession``).

    Returns ``{"changed": bool, "fingerprint_sha256": hex of the leaf}``.

    Raises:
        Problem: something is not PEM, there is no key, or the leaf is for another key; nothing has
            changed then.
    """
    chain_bytes, ca_bytes = _pem(chain, "chain"), _pem(ca, "ca")
    leaf = certificate.pem_blocks(chain_bytes)[0]
    if not os.path.exists(layout.key):
        raise Problem("no-key", "this host has no private key yet", "ask for a csr first")
    succession.finish(layout)
    coming = succession.Coming(layout)
    place = coming if _is_for(layout, coming.key, chain_bytes, ca_bytes) else layout
    if place is layout:
        _check_pair(layout, layout.key, chain_bytes, ca_bytes)
    changed = False
    # The root first: a chain is never there without the root that it is checked against.
    for path, data in ((place.ca, ca_bytes), (place.certificate, chain_bytes)):
        if storage.read_bytes(path) != data:
            storage.write_atomic(path, data)
            changed = True
    succession.finish(layout)
    return {"changed": changed, "fingerprint_sha256": storage.sha256(leaf)}


def _is_for(layout, key, chain, ca):
    """Whether the chain is for a key that may be there."""
    if not os.path.exists(key):
        return False
    try:
        _check_pair(layout, key, chain, ca)
    except Problem as problem:
        if problem.code == "key-mismatch":
            return False
        raise
    return True


def _pem(text, name):
    try:
        data = text.encode("ascii")
        certificate.pem_blocks(data)
    except (AttributeError, UnicodeEncodeError, ValueError) as problem:
        raise Problem("invalid-params", "%s: %s" % (name, problem), "send PEM text")
    return data if data.endswith(b"\n") else data + b"\n"


def _check_pair(layout, key, chain, ca):
    """Let OpenSSL load the chain with our key: it refuses a key that is not the certificate's."""
    import ssl

    with Workshop(layout) as folder:
        path = os.path.join(folder, "chain.crt")
        with open(path, "wb") as stream:
            stream.write(chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_cert_chain(path, key, password=_no_password)
        except ssl.SSLError as problem:
            if problem.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
                raise Problem(
                    "key-mismatch",
                    "the certificate is not for this host's key",
                    "the key was replaced since the csr: ask for a csr again",
                )
            raise Problem("invalid-chain", "the chain cannot be loaded: %s" % (problem.reason or problem))
        try:
            context.load_verify_locations(cadata=ca.decode("ascii"))
        except ssl.SSLError as problem:
            raise Problem("invalid-chain", "the root cannot be loaded: %s" % (problem.reason or problem))
        try:
            certificate.read_certificate(path)
        except ValueError as problem:
            raise Problem("invalid-chain", str(problem))


def _no_password():
    return ""  # rather than a question on the terminal, if somebody put an encrypted key here
