"""No argument of a built-in module that may hold a secret is told in a result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stella_ops.module_source import constants
from stella_ops.remote.lib.task import execute

MODULES = Path(__file__).parents[3] / "modules"
SPECS: dict[str, Mapping[str, Mapping[str, Any]]] = {
    path.stem: constants(path).get("ARGUMENTS") or {} for path in sorted(MODULES.rglob("*.py"))
}
SECRET = "hunter2-and-more"

# Names of what is often a secret, or a text that has one in it.
SUSPICIOUS = re.compile(
    "pass|secret|token|key|auth|cred|login|data|body|header|content|value|job|response|stdin|opts|environ|"
    "^block$|^line$|^replace$|request|checkpoint"
)
# Of such a name, or of any shape, and looked at: names, paths, flags, public keys.
LOOKED_AT = {
    "agent_container": {"labels"},
    "agent_tunnel": {"login"},
    "apt_key": {"data", "keyserver"},
    "authorized_key": {"key", "key_options"},
    "copy": {"directory_mode"},
    "expect": {"timeout"},
    "get_url": {"unredirected_headers"},
    "getent": {"database", "key"},
    "git": {"ssh_opts"},
    "iptables": {"tcp_flags"},
    "known_hosts": {"key"},
    "mount": {"passno"},
    "mount_facts": {"mount_binary"},
    "ping": {"data"},
    "rpm_key": {"key"},
    "sysctl": {"value"},
    "unarchive": {"extra_opts"},
    "uri": {"unredirected_headers"},
    "user": {"authorization", "login_class", "ssh_key_comment", "ssh_key_type"},
    "yum_repository": {"gpgkey", "gpgcakey", "metadata_expire", "deltarpm_metadata_percentage", "sslclientkey"},
}


def is_told(name: str, option: Mapping[str, Any]) -> bool:
    return not (name.startswith("_") or option.get("no_log") or option.get("untold"))


def may_hold_a_secret(name: str, option: Mapping[str, Any]) -> bool:
    if name in ("mode", "umask") or option.get("choices") or option["type"] in ("bool", "int", "float", "path"):
        return False
    return option["type"] in ("dict", "raw") or SUSPICIOUS.search(name) is not None


@pytest.mark.parametrize("module", SPECS)
def test_an_argument_that_may_hold_a_secret_is_marked_or_was_looked_at(module: str) -> None:
    spec = SPECS[module]
    found = {name for name, option in spec.items() if may_hold_a_secret(name, option) and is_told(name, option)}
    assert found == LOOKED_AT.get(module, set()), "mark it no_log or untold; LOOKED_AT is for what is no secret"


def value_of(option: Mapping[str, Any]) -> Any:
    return {"dict": {"a": SECRET}, "list": [{"a": SECRET}] if option.get("elements") == "dict" else [SECRET]}.get(
        option["type"], SECRET
    )


@pytest.mark.parametrize("module", SPECS)
def test_no_result_tells_what_is_marked(module: str) -> None:
    spec = SPECS[module]
    names = [(name, key) for name in spec for key in (name, *spec[name].get("aliases", ()))]
    for name, key in names:
        option = spec[name]
        if is_told(name, option) or option["type"] in ("bool", "int", "float"):
            continue
        alone = {key: {**option, "required": False}} if key == name else {name: {**option, "required": False}}
        args = {key: value_of(option)}
        failed = execute(lambda task: task.fail("no"), alone, {"args": args})
        refused = execute(lambda task: {}, alone, {"args": {**args, "nobody_knows": SECRET}})
        looked_at = execute(lambda task: {}, alone, {"args": args, "invocation": True})
        for result in (failed, refused, looked_at):
            assert SECRET not in str(result), (name, key)
            assert "invocation" in result
        assert refused["failed"] and failed["msg"] == "no" and not looked_at["failed"]
