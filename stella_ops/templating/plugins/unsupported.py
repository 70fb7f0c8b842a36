"""Filters, tests and lookups that people know and that there are none of here, with what to use instead."""

from __future__ import annotations

_PIPE = "call its command-line program with the lookup 'pipe', or write a lookup in lookup_plugins/"
_FILTER = "write a filter in filter_plugins/"

_INSTEAD: dict[str, dict[str, str]] = {
    "filter": {
        "jc": "run jc itself: {{ lookup('pipe', 'ps aux | jc --ps') | from_json }}",
        **dict.fromkeys(("hashids_encode", "hashids_decode"), "use to_uuid, or " + _FILTER),
        **dict.fromkeys(("from_xml", "to_xml", "parse_xml"), _FILTER + " with Python's xml.etree"),
        **dict.fromkeys(("parse_cli", "parse_cli_textfsm", "cli_parse", "vlan_parser", "vlan_expander"), _FILTER),
        **dict.fromkeys(("json_patch", "json_patch_recipe", "json_diff"), "use combine, or " + _FILTER),
        **dict.fromkeys(("type5_pw", "hash_salt", "comp_type5", "pop_ace"), _FILTER),
    },
    "test": {"a_module": "a module that is not there is an error before the first task"},
    "lookup": {
        **dict.fromkeys(("hashi_vault", "vault_kv2_get", "vault_read", "vault_login"), _PIPE),
        **dict.fromkeys(("aws_ssm", "aws_secret", "ssm_parameter", "secretsmanager_secret"), _PIPE),
        **dict.fromkeys(("k8s", "dig", "dnstxt", "redis", "etcd", "etcd3", "consul_kv", "mongodb", "nios"), _PIPE),
        **dict.fromkeys(
            ("passwordstore", "onepassword", "bitwarden", "lastpass", "keyring", "cyberarkpassword"), _PIPE
        ),
        **dict.fromkeys(("filetree", "collection_version"), "use fileglob, or " + _PIPE),
        **dict.fromkeys(
            ("random_string", "random_pet", "random_words"), "use lookup('password', '/dev/null', length=…)"
        ),
    },
}


def not_supported(kind: str, name: str) -> str | None:
    """What to use in place of a filter, test or lookup; None for a name that is simply unknown."""
    return _INSTEAD[kind].get(name.rpartition(".")[2])


def names(kind: str) -> list[str]:
    """All names of a kind that are known and not supported."""
    return sorted(_INSTEAD[kind])
