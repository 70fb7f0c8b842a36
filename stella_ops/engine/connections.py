"""From a host's variables and a task's keywords to a connection, and to the user to become."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stella_ops.booleans import says_no
from stella_ops.engine.keyword_values import as_flag, as_number, rendered
from stella_ops.engine.options import RunOptions
from stella_ops.errors import InventoryError
from stella_ops.playbook.model import Inherited
from stella_ops.transport.base import Become, ConnectionSpec
from stella_ops.transport.become import METHODS, flag_words, method_name

Render = Callable[[Any], Any]
_KEYWORDS = {"user": "remote_user"}  # that have other names than the variables


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
        of_keyword = rendered(_KEYWORDS.get(name, name), keyword, render)
        if name == "port" and of_keyword is not None:
            of_keyword = as_number(name, of_keyword, keyword)
        return next((value for value in (own.get(name), of_keyword, option) if value is not None and value != ""), None)

    kind = chosen("connection", keywords.connection, options.connection) or "ssh"
    key = own.get("ssh_private_key_file")
    ssh_args = {**options.ssh_args, **own}
    args = " ".join(
        str(ssh_args[name]) for name in ("ssh_args", "ssh_common_args", "ssh_extra_args") if ssh_args.get(name)
    )
    if says_no(ssh_args.get("ssh_host_key_checking", "")):
        # The habit of switching verification off becomes: accept keys that are new, and record them.
        args = f"{args} -o StrictHostKeyChecking=accept-new".strip()
    return ConnectionSpec(
        name=host,
        kind=str(kind).removeprefix("ansible.builtin.").removeprefix("ansible.legacy."),
        address=_text(own.get("host")),
        port=_port(chosen("port", keywords.port, options.remote_port), host),
        user=_text(chosen("user", keywords.remote_user, options.remote_user)),
        password=_text(own.get("password")) or options.connection_password,
        private_key_file=Path(str(key)).expanduser() if key else None,
        common_args=args,
        interpreter=_interpreter(own.get("python_interpreter") or options.interpreter),
        connect_timeout=_seconds(chosen("timeout", None, options.timeout), host),
        retries=_retries(ssh_args.get("ssh_retries") or 0, host),
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
    """The user a task runs as, or None for the login user; ``own`` is ``written`` of ``connection_spec``.

    As with ansible-core, a variable of the method's own (``ansible_su_user``) counts more than one for all methods,
    that more than the keyword, that more than the command line, and last come environment and ``ansible.cfg``.

    Raises:
        InventoryError: a method that is not known, or flags that cannot be read.
    """
    wanted = render(own.get("become"))
    if wanted is None:
        wanted = rendered("become", keywords.become, render)
        if wanted is not None:
            wanted = as_flag("become", wanted, keywords.become)
    if not (options.become if wanted is None else as_bool(wanted)):
        return None

    of_keyword = rendered("become_method", keywords.become_method, render)
    written = render(own.get("become_method")) or of_keyword or options.become_method or "sudo"
    method = method_name(str(written))
    named = METHODS[method].named or method
    settings = options.become_settings.get(named, {})

    def chosen(name: str, keyword: Any, option: str | None = None) -> str | None:
        ways = map(render, (own.get(f"{named}_{name}"), own.get(f"become_{name}")))
        for value in (*ways, rendered(f"become_{name}", keyword, render), option, settings.get(name)):
            if value:
                return str(value)
        return None

    password: Any = None
    for value in (own.get(f"{named}_pass"), own.get("become_password"), settings.get("password")):
        password = render(value) if password is None else password
    return Become(
        user=chosen("user", keywords.become_user, options.become_user) or "root",
        method=method,
        password=str(password) if password is not None else options.become_password,
        program=None if method == "sudosu" else chosen("exe", keywords.become_exe),
        flags=flag_words(method, chosen("flags", keywords.become_flags)),
        prompts=_prompts(render(own.get(f"{named}_prompt_l10n")) or settings.get("prompts")),
    )


def is_already(become: Become, spec: ConnectionSpec) -> bool:
    """Whether the login is that of the user to become, as far as it is known before there is a connection."""
    if spec.kind == "local":
        try:
            return become.user == pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:  # a user without a name
            return False
    return become.user == spec.user


def _prompts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    return tuple(str(each).strip() for each in value or ())


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


def _seconds(value: Any, host: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InventoryError(f"{value!r} is no time in seconds", where=host, hint="check ansible_timeout") from None


def _retries(value: Any, host: str) -> int:
    if not str(value).isdecimal():
        raise InventoryError(f"{value!r} is no number of tries", where=host, hint="check ansible_ssh_retries")
    return int(value)


def _interpreter(value: Any) -> str | None:
    """``auto`` and its variants mean here what is done anyway: take the first that works."""
    text = _text(value)
    return None if text is None or text.startswith("auto") else text
