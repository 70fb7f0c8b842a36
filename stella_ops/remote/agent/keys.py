"""The agent's private key and the proof that it is here: made on the host by openssl, else by ssh-keygen.

Python's standard library makes no keys. openssl gives a PKCS#10 request (RFC 2986). A minimal Debian with
sshd has no openssl but has ssh-keygen: its signature over a challenge (SSHSIG, OpenSSH's PROTOCOL.sshsig)
stands for the request there. The key itself is the same either way: ECDSA P-256, PKCS#8 PEM.
"""

import binascii
import errno
import fcntl
import hashlib
import os
import shutil
import struct
import subprocess
import tempfile

from stella_ops.remote.agent import storage
from stella_ops.remote.agent.problem import Problem

NAMESPACE = "stella-enrol@stella-ops"
TOOLS = ("openssl", "ssh-keygen")

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# SubjectPublicKeyInfo of an uncompressed P-256 point up to the point itself (RFC 5480).
_SPKI = binascii.unhexlify("3059301306072a8648ce3d020106082a8648ce3d030107034200")
_SSH_KIND = b"ecdsa-sha2-nistp256"
_REQUEST_CONFIG = "[req]\ndistinguished_name = dn\n[dn]\n"


def public_key_sha256(layout):
    """Hex SHA-256 of the public key's SubjectPublicKeyInfo (DER), or None when there is no key."""
    pem = storage.read_bytes(layout.public_key)
    return hashlib.sha256(_der_of(pem)).hexdigest() if pem and os.path.exists(layout.key) else None


def challenge(agent_id, name, environment, token):
    """The text that is signed in a CSR's place; of the token only its public id is in it."""
    lines = ["stella-enrol/v1", "agent_id=" + agent_id, "name=" + name, "environment=" + environment]
    lines.append("token_id=" + token.split(".")[0])
    return "".join(line + "\n" for line in lines)


def request_certificate(layout, agent_id, name, environment, token, prefer=None):
    """Make the key if there is none, and prove that it is here.

    ``prefer`` names the one tool to use; else openssl, and ssh-keygen where openssl is absent or fails. In the
    layout's place may stand a ``succession.Coming``, for a key that is to follow the one in use.

    Returns:
        ``{"kind": "pkcs10", "csr": PEM}`` or ``{"kind": "sshsig", "public_key", "signature", "challenge"}``.

    Raises:
        Problem: neither tool is there, or none did it.
    """
    failures = []
    found = [(tool, _find(tool)) for tool in TOOLS if prefer in (None, tool)]
    for tool, program in found:
        if program is None:
            failures.append("%s is not installed" % tool)
            continue
        try:
            with Workshop(layout) as folder:
                if tool == "openssl":
                    _ensure_key(layout, folder, program, _openssl_key, _openssl_public)
                    return {"kind": "pkcs10", "csr": _openssl_request(layout, folder, program, name)}
                _ensure_key(layout, folder, program, _ssh_key, _ssh_public)
                return _ssh_proof(layout, folder, program, challenge(agent_id, name, environment, token))
        except _ToolFailure as problem:
            failures.append(str(problem))
    hint = "install openssl, or OpenSSH's ssh-keygen 8.1 or newer, on the host"
    if any(os.strerror(errno.ENOSPC) in failure for failure in failures):
        hint = "free some space on the host, then run again"
    raise Problem("no-key-tool", "no private key or proof of it can be made: " + "; ".join(failures), hint)


class _ToolFailure(Exception):
    pass


class Workshop(object):
    """A folder of mode 0700 beside the key, gone afterwards; one request at a time works in it."""

    def __init__(self, layout):
        self._layout = layout

    def __enter__(self):
        lock = os.path.join(self._layout.identity, ".lock")
        self._lock = os.open(lock, os.O_RDONLY | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        for name in os.listdir(self._layout.identity):
            if name.startswith(".making-"):  # left by one that was killed: it may hold a key
                shutil.rmtree(os.path.join(self._layout.identity, name), ignore_errors=True)
        self._folder = tempfile.mkdtemp(prefix=".making-", dir=self._layout.identity)
        return self._folder

    def __exit__(self, *raised):
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)


def _ensure_key(layout, folder, program, make_key, public_of):
    """The public key stands before the key does: whoever sees a key finds its public half."""
    if os.path.exists(layout.key):
        if not os.path.exists(layout.public_key):
            storage.write_atomic(layout.public_key, public_of(program, layout.key, folder))
        return
    fresh = os.path.join(folder, "key")
    # Only for the making: the mask is the whole process's, and a service writes other files beside this.
    mask = os.umask(0o077)
    try:
        make_key(program, fresh)
    finally:
        os.umask(mask)
    public = public_of(program, fresh, folder)
    with open(fresh, "rb") as stream:
        private = stream.read()
    storage.write_atomic(layout.public_key, public)
    storage.write_atomic(layout.key, private, 0o600)


def _openssl_key(program, path):
    parameters = ["-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"]
    _run([program, "genpkey", "-algorithm", "EC"] + parameters + ["-out", path])


def _openssl_public(program, path, _folder):
    return _run([program, "pkey", "-in", path, "-pubout"])


def _openssl_request(layout, folder, program, name):
    config = os.path.join(folder, "request.cnf")
    with open(config, "w") as stream:  # the host's own openssl.cnf may be missing or add things
        stream.write(_REQUEST_CONFIG)
    request = [
        program,
        "req",
        "-new",
        "-sha256",
        "-config",
        config,
        "-key",
        layout.key,
        "-subj",
        "/CN=" + name,
    ]
    return _run(request).decode("ascii")


def _ssh_key(program, path):
    _run([program, "-q", "-t", "ecdsa", "-b", "256", "-m", "PKCS8", "-N", "", "-C", "", "-f", path])


def _ssh_public(program, path, _folder):
    line = _run([program, "-y", "-P", "", "-f", path]).split()
    if len(line) < 2 or line[0] != _SSH_KIND:
        raise _ToolFailure("ssh-keygen: the key on this host is not ECDSA P-256")
    point = binascii.a2b_base64(line[1])[-65:]
    return _pem_of(_SPKI + point)


def _ssh_proof(layout, folder, program, text):
    public = _ssh_line(storage.read_bytes(layout.public_key))
    # ssh-keygen reads the public half of a PKCS#8 key from a file beside it.
    beside = os.path.join(folder, "signing")
    os.symlink(layout.key, beside)
    with open(beside + ".pub", "w") as stream:
        stream.write(public + "\n")
    signature = _run([program, "-q", "-Y", "sign", "-n", NAMESPACE, "-f", beside], text.encode("ascii"))
    return {
        "kind": "sshsig",
        "public_key": public,
        "signature": signature.decode("ascii"),
        "challenge": text,
    }


def _ssh_line(pem):
    """The OpenSSH form of a P-256 public key (RFC 5656, section 3.1)."""
    der = _der_of(pem)
    if not der.startswith(_SPKI) or len(der) != len(_SPKI) + 65:
        raise _ToolFailure("ssh-keygen: the key on this host is not ECDSA P-256")
    parts = (_SSH_KIND, b"nistp256", der[len(_SPKI) :])
    blob = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return "%s %s" % (_SSH_KIND.decode("ascii"), binascii.b2a_base64(blob).decode("ascii").strip())


def _der_of(pem):
    body = [line for line in pem.splitlines() if line and not line.startswith(b"-----")]
    return binascii.a2b_base64(b"".join(body))


def _pem_of(der):
    text = binascii.b2a_base64(der).strip()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return b"\n".join([b"-----BEGIN PUBLIC KEY-----"] + lines + [b"-----END PUBLIC KEY-----", b""])


def _find(tool):
    """Where a tool is: on PATH, or at the usual places when there is no PATH at all."""
    return shutil.which(tool, path=os.environ.get("PATH", _SYSTEM_PATH))


def _run(command, given=b""):
    """Run a tool with ``given`` on its standard input and return what it wrote."""
    environment = {"PATH": os.environ.get("PATH", _SYSTEM_PATH), "LC_ALL": "C", "OPENSSL_CONF": "/dev/null"}
    environment["HOME"] = os.environ.get("HOME", "/")
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        written, complaint = process.communicate(given)
    except OSError as problem:
        raise _ToolFailure("%s: %s" % (command[0], problem.strerror))
    if process.returncode:
        said = complaint.decode("utf-8", "replace").strip().splitlines()
        last = said[-1] if said else "no message"
        raise _ToolFailure("%s ended with %d: %s" % (" ".join(command[:2]), process.returncode, last))
    return written
