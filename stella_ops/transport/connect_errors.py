"""What can go wrong before a session exists, in an operator's words."""

from __future__ import annotations

import socket

import asyncssh

from stella_ops.errors import AuthenticationError, InventoryError, StellaError, UnreachableError
from stella_ops.transport.host_key_errors import host_key_error, is_about_host_keys, no_such_kind, sentence
from stella_ops.transport.host_keys import Trust
from stella_ops.transport.ssh_config import Target


def connect_error(
    problem: Exception,
    target: Target,
    trust: Trust,
    *,
    timeout: float,
    where: str,
    locked_keys: list[str],
    known_as: str | None = None,
) -> StellaError:
    """The error to raise instead of what asyncssh or the system raised.

    Args:
        timeout: seconds that were allowed.
        where: the host, for the error.
        locked_keys: private keys that were left out since they have a passphrase.
        known_as: what commands call the host where that is not ``where``: a jump host on the way to it.
    """
    place = target.place
    if isinstance(problem, asyncssh.HostKeyNotVerifiable):
        return host_key_error(problem, place, trust, where, known_as or where)
    if isinstance(problem, asyncssh.PermissionDenied):
        return _refused_login(str(problem), target, where, locked_keys)
    if isinstance(problem, asyncssh.DisconnectError) and "authentication failures" in str(problem):
        return AuthenticationError(
            f"the host refuses the login as {target.user}: {sentence(problem)}",
            where=where,
            hint="too many keys were offered: set ansible_ssh_private_key_file, or -o IdentitiesOnly=yes",
        )
    if isinstance(problem, asyncssh.KeyExchangeFailed):
        return _no_common_algorithm(problem, place, trust, where, known_as or where)
    if isinstance(problem, ValueError):
        return InventoryError(f"ssh options: {problem}", where=where, hint="check ansible_ssh_common_args")
    text, hint = _network_problem(problem, target, timeout)
    return UnreachableError(text, where=where, hint=hint)


def too_busy(problem: Exception, where: str) -> UnreachableError:
    """The server closed the connection before the login, again and again."""
    return UnreachableError(
        f"the host closed the connection before the login: {sentence(problem)}",
        where=where,
        hint="sshd may be at its MaxStartups limit or block this address: lower --forks or look at the host's sshd log",
    )


def _refused_login(said: str, target: Target, where: str, locked_keys: list[str]) -> AuthenticationError:
    if locked_keys:
        return AuthenticationError(
            f"the private key {locked_keys[0]} has a passphrase, and the SSH agent has no key that the host takes",
            where=where,
            hint=f"load it into the agent: ssh-add {locked_keys[0]}",
        )
    return AuthenticationError(
        f"the host refuses the login as {target.user}: {said}",
        where=where,
        hint="check ansible_user, the key (ansible_ssh_private_key_file, the SSH agent) and the host's authorized_keys",
    )


def _no_common_algorithm(problem: Exception, place: str, trust: Trust, where: str, known_as: str) -> StellaError:
    if is_about_host_keys(problem) and (trust.on_record or trust.known.authorities):
        return no_such_kind(problem, place, trust, where, known_as)
    return UnreachableError(
        f"{place}: {sentence(problem)}",
        where=where,
        hint="an old or hardened sshd: name what it has with -o KexAlgorithms=, -o Ciphers=, -o HostKeyAlgorithms= "
        "in ansible_ssh_common_args",
    )


def _network_problem(problem: Exception, target: Target, timeout: float) -> tuple[str, str | None]:
    place = f"{target.host}:{target.port}"
    if isinstance(problem, TimeoutError):
        return (
            f"no answer from {place} within {timeout:g} seconds",
            "check that the host is up and no firewall drops the connection",
        )
    if isinstance(problem, ConnectionRefusedError) or _all_refused(problem):
        return f"{place} refuses the connection", "check that sshd runs there and ansible_port is right"
    if isinstance(problem, socket.gaierror):
        return (
            f"the name '{target.host}' does not resolve: {problem.strerror}",
            "check the name, or set ansible_host to an address",
        )
    if isinstance(problem, asyncssh.ChannelOpenError):
        return (
            f"the jump host cannot reach {place}: {sentence(problem)}",
            "check that the host is up as seen from the jump host, and AllowTcpForwarding in the jump host's "
            "sshd_config",
        )
    if isinstance(problem, OSError) and problem.strerror:
        return f"{place}: {problem.strerror}", "check the network path to the host"
    return f"{place}: {sentence(problem)}", None


def _all_refused(problem: Exception) -> bool:
    # A name with several addresses that all fail: asyncio puts their errors together as text.
    text = str(problem)
    return text.startswith("Multiple exceptions") and text.count("Errno") == text.count("Errno 111")
