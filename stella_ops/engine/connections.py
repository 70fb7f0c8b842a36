"""From a host's variables and a task's keywords to a connection, and to the user to become."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stella_ops.engine.options import RunOptions
from stella_ops.errors import InventoryError
from stella_ops.playbook.model import Inherited
from stella_ops.transport.base import Become, ConnectionSpec

Render = Callable[[Any], Any]


def connection_spec(
    host: str, written: Mapping[str, Any], keywords: Inherited, options: RunOptions, render: Render
) -> ConnectionSpec:
    """How to reach a host. Its variables win over keywords, and those over the command line.

    Args:
        written: what the host's variables say, by short names, as ``connection_variables`` gives it.

    Raises:
        InventoryError: a port or timeout that is no number.
    """
    own = {name: render(value) for name, value in written.items()}

    def chosen(name: str, keyword: Any, option: Any) -> Any:
        for value in (own.get(name), render(keyword), option):
            if value is not None and value != "":
                return value
        return None

    kind = chosen("connection", keywords.connection, options.connection) or "ssh"
    key = own.get("ssh_private_key_file")
    ssh_args = {**options.ssh_args, **own}
    args = " ".join(
        str(ssh_args[name]) for name in ("ssh_args", "ssh_common_args", "ssh_extra_args") if ssh_args.get(name)
    )
    if str(ssh_args.get("ssh_host_key_checking", "")).strip().lower() in ("false", "no", "off", "0"):
        # The habit of switching verification off becomes: accept keys that are new, and record them.
        args = f"{args} -o StrictHostKeyChecking=accept-new".strip()
    return ConnectionSpec(
        name=host,
        kind=str(kind),
        address=_text(own.get("host")),
        port=_port(chosen("port", keywords.port, options.remote_port), host),
        user=_text(chosen("user", keywords.remote_user, options.remote_user)),
        password=_text(own.get("password")) or options.connection_password,
        private_key_file=Path(str(key)).expanduser() if key else None,
        common_args=args,
        interpreter=_interpreter(own.get("python_interpreter") or options.interpreter),
        connect_timeout=float(options.timeout),
        host_keys=_lines(own.get("host_keys"), host, "stella_host_keys"),
        host_authorities=_lines(own.get("ssh_host_ca"), host, "stella_ssh_host_ca"),
    )


def become(
    own: Mapping[str, Any],
    keywords: Inherited,
    options: RunOptions,
    render: Render,
    as_bool: Callable[[Any], bool],
) -> Become | None:
    """The user a task runs as, or None for the login user; ``own`` is ``written`` of ``connection_spec``."""
    wanted = own.get("become")
    if wanted is None:
        wanted = keywords.become
    wanted = options.become if wanted is None else as_bool(render(wanted))
    if not wanted:
        return None

    def chosen(name: str, keyword: Any, option: Any, default: str) -> str:
        for value in (render(own.get(name)), render(keyword), option):
            if value:
                return str(value)
        return default

    password = render(own.get("become_password"))
    flags = chosen("become_flags", keywords.become_flags, None, "-H")
    try:
        # Whether sudo may ask goes by whether there is a password.
        words = tuple(word for word in shlex.split(flags) if word not in ("-n", "-S"))
    except ValueError as problem:
        raise InventoryError(f"become_flags '{flags}' cannot be read: {problem}") from None
    return Become(
        user=chosen("become_user", keywords.become_user, options.become_user, "root"),
        method=chosen("become_method", keywords.become_method, options.become_method, "sudo"),
        password=str(password) if password is not None else options.become_password,
        program=chosen("become_exe", keywords.become_exe, None, "sudo"),
        flags=words,
    )


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _lines(value: Any, host: str, name: str) -> tuple[str, ...]:
    """Public keys: a list of lines, or a text of one or more."""
    if value is None or value == "":
        return ()
    given = value.splitlines() if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(line, str) for line in given):
        raise InventoryError(
            f"{name} must be a list of public keys", where=host, hint='write lines like "ssh-ed25519 AAAA…"'
        )
    return tuple(line.strip() for line in given if line.strip())


def _port(value: Any, host: str) -> int | None:
    if value is None:
        return None
    try:
        port = int(value)
    except (TypeError, ValueError):
        port = 0
    if not 0 < port < 65536:
        raise InventoryError(f"port {value!r} is no port number", where=host, hint="check ansible_port")
    return port


def _interpreter(value: Any) -> str | None:
    """``auto`` and its variants mean here what is done anyway: take the first that works."""
    text = _text(value)
    return None if text is None or text.startswith("auto") else text
