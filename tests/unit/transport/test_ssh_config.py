import getpass
from pathlib import Path

import pytest

from stella_ops.errors import InventoryError
from stella_ops.transport.ssh_config import expand, resolve
from stella_ops.transport.ssh_options import Proxy, SshOptions, parse_ssh_args

CONFIG = """
Host web
    HostName web.corp.example
    Port 2222
    User deploy
    IdentityFile ~/.ssh/deploy
    UserKnownHostsFile ~/.ssh/known_corp /etc/known_%h
Host behind
    ProxyJump ops@bastion:2200,second
Host piped
    ProxyCommand nc -x 100%% %h %p
Host alias
    HostName 10.0.0.7
    Port 2222
    HostKeyAlias web-key
Match originalhost matched user ops
    Port 99
"""


@pytest.fixture
def config(tmp_path: Path) -> list[str]:
    (tmp_path / "config").write_text(CONFIG)
    return [str(tmp_path / "config"), str(tmp_path / "absent")]


async def test_without_configuration_a_host_is_what_it_says() -> None:
    target = await resolve("10.0.0.1", None, None, SshOptions(), [], where="web")
    assert (target.host, target.port, target.user) == ("10.0.0.1", 22, getpass.getuser())
    assert (target.key_name, target.key_port, target.user_files) == ("10.0.0.1", 22, None)
    assert (target.proxy, target.place) == (Proxy(), "10.0.0.1")


async def test_configuration_is_honoured(config: list[str]) -> None:
    target = await resolve("web", None, None, SshOptions(), config, where="web")
    assert (target.host, target.port, target.user) == ("web.corp.example", 2222, "deploy")
    assert target.user_files == (Path.home() / ".ssh/known_corp", Path("/etc/known_web.corp.example"))
    assert target.own_identities
    assert target.place == "[web.corp.example]:2222"


async def test_the_inventory_wins_over_options_and_those_over_configuration(config: list[str]) -> None:
    options = parse_ssh_args("-p 3333 -l other -o UserKnownHostsFile=/k", "web")
    target = await resolve("web", None, None, options, config, where="web")
    assert (target.port, target.user, target.user_files) == (3333, "other", (Path("/k"),))
    target = await resolve("web", 4444, "mine", options, config, where="web")
    assert (target.port, target.user) == (4444, "mine")


async def test_match_sees_the_user_of_the_inventory(config: list[str]) -> None:
    assert (await resolve("matched", None, "ops", SshOptions(), config, where="x")).port == 99
    assert (await resolve("matched", None, "dev", SshOptions(), config, where="x")).port == 22


async def test_proxies_of_the_configuration(config: list[str]) -> None:
    behind = await resolve("behind", None, None, SshOptions(), config, where="x")
    assert behind.proxy.jumps == ("ops@bastion:2200", "second")
    piped = await resolve("piped", 2201, None, SshOptions(), config, where="x")
    assert piped.proxy.command == "nc -x 100% piped 2201"
    direct = await resolve("behind", None, None, parse_ssh_args("-J none", "x"), config, where="x")
    assert direct.proxy == Proxy()


async def test_a_proxy_command_of_the_options_is_expanded() -> None:
    options = parse_ssh_args("-o 'ProxyCommand=nc %h %p %r %n %% %q'", "x")
    target = await resolve("10.0.0.1", 2201, "ops", options, [], where="x")
    assert target.proxy.command == "nc 10.0.0.1 2201 ops 10.0.0.1 % %q"


async def test_an_alias_for_the_key_stands_without_a_port(config: list[str]) -> None:
    target = await resolve("alias", None, None, SshOptions(), config, where="x")
    assert (target.host, target.key_name, target.key_port) == ("10.0.0.7", "web-key", 22)


async def test_a_malformed_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host *\n    Port many\n")
    with pytest.raises(InventoryError, match="Port"):
        await resolve("web", None, None, SshOptions(), [str(tmp_path / "config")], where="web")


def test_tokens_and_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STELLA_X", "value")
    assert expand("%h/${STELLA_X}/${NOT_THERE}/%%/%u", {"h": "web"}) == (
        f"web/value/${{NOT_THERE}}/%/{getpass.getuser()}"
    )
