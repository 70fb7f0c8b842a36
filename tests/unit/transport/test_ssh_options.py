import shlex
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.errors import InventoryError
from stella_ops.transport.ssh_options import Proxy, parse_proxy, parse_ssh_args


@pytest.mark.parametrize(
    ("text", "keywords"),
    [
        ("-p 2222", {"port": 2222}),
        ("-p2222 -p 9", {"port": 2222}),
        ("-oPort=2222", {"port": 2222}),
        ("-o 'Port 2222'", {"port": 2222}),
        ("-o 'Port = 2222'", {"port": 2222}),
        ("-o port=2222 -o Port=1", {"port": 2222}),
        ("-l ops", {"username": "ops"}),
        ("-qC", {"compression_algs": ["zlib@openssh.com", "none"]}),
        ("-vvv -4", {"family": socket.AF_INET}),
        ("-o AddressFamily=inet6", {"family": socket.AF_INET6}),
        ("-o ConnectTimeout=1m30s", {"connect_timeout": 90.0}),
        ("-o ServerAliveInterval=5 -o ServerAliveCountMax=2", {"keepalive_interval": 5.0, "keepalive_count_max": 2}),
        ("-o HostKeyAlgorithms=+ssh-rsa", {"server_host_key_algs": "+ssh-rsa"}),
        ("-o KexAlgorithms=curve25519-sha256,x", {"kex_algs": ["curve25519-sha256", "x"]}),
        ("-o HostKeyAlias=real", {"host_key_alias": "real"}),
        ("-o ControlMaster=auto -o ControlPersist=60s -o ControlPath=/x/%C -T", {}),
    ],
)  # fmt: skip
def test_options_for_the_connection(text: str, keywords: dict[str, object]) -> None:
    options = parse_ssh_args(text, "web")
    assert options.keywords == keywords
    assert options.warnings == []


def test_known_hosts_files_are_split_and_each_kind_is_its_own() -> None:
    options = parse_ssh_args("""-o 'UserKnownHostsFile="/a b" /c' -o UserKnownHostsFile=/late""", "web")
    assert options.user_known_hosts == ["/a b", "/c"]
    assert options.global_known_hosts is None
    assert parse_ssh_args("-o GlobalKnownHostsFile=none", "web").global_known_hosts == []


@pytest.mark.parametrize(
    ("value", "accept"), [("yes", False), ("ask", False), ("accept-new", True), ("no", True), ("off", True)]
)
def test_strict_host_key_checking(value: str, accept: bool) -> None:
    assert parse_ssh_args(f"-o StrictHostKeyChecking={value} -o StrictHostKeyChecking=no", "web").accept_new is accept
    assert parse_ssh_args("", "web").accept_new is None


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("-J a", Proxy(jumps=("a",))),
        ("-J ops@a:2222,b", Proxy(jumps=("ops@a:2222", "b"))),
        ("-o ProxyJump=a -J b", Proxy(jumps=("a",))),
        ("-o ProxyJump=none", Proxy()),
        ("-o 'ProxyCommand=ssh -o A=b -W %h:%p bastion'", Proxy(command="ssh -o A=b -W %h:%p bastion")),
        ("""-o 'ProxyCommand ssh -W "[%h]:%p" -q "x y"'""", Proxy(command='ssh -W "[%h]:%p" -q "x y"')),
        ("-o ProxyCommand=none", Proxy()),
        ("-C", None),
    ],
)
def test_proxies(text: str, proxy: Proxy | None) -> None:
    assert parse_ssh_args(text, "web").proxy == proxy


def test_keys_and_configuration() -> None:
    options = parse_ssh_args("-i ~/.ssh/a -o 'IdentityFile=\"~/b c\"' -F none -o IdentitiesOnly=yes", "web")
    assert options.identities == ["~/.ssh/a", "~/b c"]
    assert options.config_files == []
    assert options.identities_only is True


def test_what_has_no_meaning_is_named() -> None:
    options = parse_ssh_args("-L 1:b:2 -o LocalForward='1 b:2' -o LogLevel=DEBUG -z", "web")
    assert options.warnings == [
        "ssh option -L has no meaning here",
        "ssh option 'localforward' has no meaning here",
        "ssh option -z has no meaning here",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "-o",
        "-oPort",
        "-o Port=x",
        "-p 70000",
        "word",
        "-",
        "-o 'unclosed",
        "-o Compression=perhaps",
        "-o AddressFamily=ipx",
        "-o ConnectTimeout=soon",
        """-o 'UserKnownHostsFile="/a'""",
    ],
)
def test_what_cannot_be_is_an_error_with_the_text(text: str) -> None:
    with pytest.raises(InventoryError) as caught:
        parse_ssh_args(text, "web")
    assert caught.value.where == "web"
    assert caught.value.hint


@given(st.text(max_size=80))
def test_any_text_is_options_or_an_inventory_error(text: str) -> None:
    try:
        parse_ssh_args(text, "web")
    except InventoryError:
        pass


NAMES = ["Port", "User", "HostKeyAlias", "UserKnownHostsFile", "IdentityFile", "ProxyCommand"]
VALUES = st.text(
    st.characters(codec="ascii", exclude_characters="\"'\\\n\r\t ", categories=["L", "N", "P"]), min_size=1
)


@given(
    st.lists(st.tuples(st.sampled_from(NAMES[1:]), VALUES.filter(lambda v: v != "none" and v[0] != "=")), max_size=5)
)
def test_both_ways_to_write_an_option_mean_the_same(pairs: list[tuple[str, str]]) -> None:
    joined = " ".join(shlex.join(["-o", f"{name}={value}"]) for name, value in pairs)
    apart = " ".join(shlex.join([f"-o{name.upper()} {value}"]) for name, value in pairs)
    assert parse_ssh_args(joined, "web") == parse_ssh_args(apart, "web")


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1), min_size=1))
def test_jumps_are_split_at_commas(hops: list[str]) -> None:
    if [hop.lower() for hop in hops] != ["none"]:
        assert parse_proxy("ProxyJump", ", ".join(hops)).jumps == tuple(hops)
