"""The TLS side of the server: its own certificate, and the one authority whose clients' certificates count."""

from __future__ import annotations

import ssl

from cryptography.hazmat.primitives.serialization import Encoding

from stella_ops.pki.authority import CertificateAuthority
from stella_ops.pki.server import ServerIdentity


def server_context(identity: ServerIdentity, ca: CertificateAuthority) -> ssl.SSLContext:
    """TLS 1.2 or newer; a client may show a certificate, and when it does, that must be the authority's and in time.

    Whether it was revoked stands in the fleet store: that is looked up for each request.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    # The issuing certificate as well: clients may show their leaf alone.
    context.load_verify_locations(cadata=ca.root_pem + ca.issuing.public_bytes(Encoding.PEM).decode())
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # A session resumed would be one whose certificate nobody looked at again.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    load_identity(context, identity)
    return context


def load_identity(context: ssl.SSLContext, identity: ServerIdentity) -> None:
    """Answer with this certificate from the next handshake on."""
    context.load_cert_chain(identity.cert_file, identity.key_file)
