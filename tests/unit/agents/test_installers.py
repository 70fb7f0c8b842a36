"""Install scripts: whatever stands in a value, it stays a value; and what is rendered is well-formed."""

from __future__ import annotations

import base64
import dataclasses
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tree_sitter_powershell
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import TemplateError as JinjaError
from tree_sitter import Language, Node, Parser

from stella_ops.agents import installers
from stella_ops.agents.installers import (
    InstallSource,
    compose_file,
    install_command,
    install_command_from_stdin,
    install_script,
)
from stella_ops.agents.platforms import Platform
from stella_ops.errors import StellaError, UsageError

PIN = base64.b64encode(b"p" * 32).decode()
SOURCE = InstallSource(
    orchestrator_url="https://stella.example.com:8443",
    ca_pem="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    ca_pin="ab" * 32,
    server_pins=(PIN,),
    server_certificate_sha256=("cd" * 32,),
    package_version="1.2.3",
    package_sha256="ef" * 32,
    package_size=4711,
    release_public_pem="-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n",
    release_public_ssh="ecdsa-sha2-nistp256 AAAA",
)
TOKEN = "0123456789abcdef." + "s" * 43 + "." + "p" * 43
NASTY = [
    "two words", "it's", 'say "hi"', "$HOME", "$(touch pwned)", "`touch pwned`", "a;b", "a&b", "\\", "'; exit #", "ünï",
    "’; calc; ‘", "{{ 7 * 7 }}", "%PATH%", "-n", "*", "~", "!x", "STELLA_END",
]  # fmt: skip
# What a name or an address may hold as far as a script is concerned: all that can be printed.
PRINTABLE = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")).filter(str.isprintable), max_size=40)

POWERSHELL = Parser(Language(tree_sitter_powershell.language()))


def shell_values(script: str, *names: str, shell: str = "dash") -> list[str]:
    """What the variables at the top of install.sh hold, asked of a real shell."""
    head = script[: script.index("\nusage() {")]
    asked = head + "".join(f'\nprintf "%s\\0" "${name}"' for name in names)
    done = subprocess.run([shell, "-c", asked], capture_output=True, text=True, check=True, cwd="/")
    assert done.stderr == ""
    return done.stdout.split("\0")[:-1]


def powershell_values(text: str) -> dict[str, str]:
    """The strings of install.ps1's table by name, from the tree of a grammar that finds nothing wrong."""
    found: dict[str, str] = {}

    def visit(node: Node) -> None:
        assert node.type != "ERROR" and not node.is_missing, (node.start_point, node.text)
        if node.type == "hash_entry":
            key, value = node.text.decode().partition("=")[::2]
            if value.strip().startswith("'"):
                found[key.strip()] = re.sub("(['‘’‚‛])\\1", r"\1", value.strip()[1:-1])
        for child in node.children:
            visit(child)

    tree = POWERSHELL.parse(text.encode())
    assert not tree.root_node.has_error
    visit(tree.root_node)
    return found


def with_url(url: str) -> InstallSource:
    return dataclasses.replace(SOURCE, orchestrator_url=url)


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_shell_gets_every_value_as_it_is(value: str, shell: str) -> None:
    url = f"https://stella.example.com/{value.replace('#', '').replace('?', '')}"
    script = install_script(Platform.LINUX, with_url(url), token=TOKEN, name=value, environment=value)
    names = ("stella_url", "stella_name", "stella_environment", "stella_token", "stella_ca", "stella_size")
    told = shell_values(script, *names, shell=shell)
    assert told == [url, value, value, TOKEN, SOURCE.ca_pem, "4711"]


@settings(max_examples=60, deadline=None)
@given(name=PRINTABLE, environment=PRINTABLE)
def test_a_shell_gets_any_value_as_it_is(name: str, environment: str) -> None:
    script = install_script(Platform.LINUX, SOURCE, name=name, environment=environment)
    assert shell_values(script, "stella_name", "stella_environment") == [name, environment]


@settings(max_examples=60, deadline=None)
@given(name=PRINTABLE | st.sampled_from(NASTY), environment=PRINTABLE)
def test_powershell_gets_any_value_as_it_is(name: str, environment: str) -> None:
    told = powershell_values(install_script(Platform.WINDOWS, SOURCE, name=name, environment=environment))
    # The grammar knows no typographic quotes as quotes, PowerShell does: each must be doubled.
    assert (told["Name"], told["Environment"], told["Url"]) == (name, environment, SOURCE.orchestrator_url)


def test_typographic_quotes_end_no_string_of_powershell() -> None:
    assert "'it’’s'" in install_script(Platform.WINDOWS, SOURCE, name="it’s")


@settings(max_examples=100, deadline=None)
@given(name=PRINTABLE | st.sampled_from(NASTY))
def test_a_compose_file_gets_any_value_as_it_is(name: str) -> None:
    told = yaml.safe_load(compose_file(SOURCE, token_file=f"./{name}"))
    assert told["secrets"]["stella_token"]["file"].replace("$$", "$") == f"./{name}"
    assert "$" not in told["secrets"]["stella_token"]["file"].replace("$$", "")


@pytest.mark.parametrize("value", ["two\nlines", "a\0b", "bell\a", "a\rb", "right\u202eto left", "\u2028"])
@pytest.mark.parametrize("platform", Platform)
def test_control_characters_are_refused(platform: Platform, value: str) -> None:
    with pytest.raises(UsageError, match="control character"):
        install_script(platform, SOURCE, name=value)
    with pytest.raises(UsageError, match="control character"):
        install_command(platform, SOURCE, value)


@pytest.mark.parametrize(
    "url",
    ["http://stella.example.com", "stella.example.com", "https://", "https://u:p@x", "https://x/?a", "https://x/#a"],
)
def test_an_address_that_agents_cannot_call_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        install_command(Platform.LINUX, with_url(url), TOKEN)
    assert caught.value.hint and "[orchestrator]" in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"ca_pin": "'; x"},
        {"server_pins": ("'; touch pwned; '",)},
        {"server_pins": ()},
        {"server_certificate_sha256": ("'",)},
        {"package_version": "1.0'; x"},
    ],
)
def test_a_source_that_is_not_what_it_should_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(StellaError):
        install_script(Platform.LINUX, dataclasses.replace(SOURCE, **change))


def test_a_value_without_a_filter_cannot_be_printed() -> None:
    templates = installers._templates()
    assert templates.from_string("{{ x | sh }} {{ n }}").render(x="a b", n=3) == "'a b' 3"
    for text in ("{{ x }}", "{{ x | sh | upper }}", "{{ x | sh }}{{ missing }}"):
        with pytest.raises(JinjaError):
            templates.from_string(text).render(x="a b")


# -- the scripts


@pytest.mark.parametrize("token", [None, "it's"])
@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("package", [None, b"package" * 100])
def test_shellcheck_has_nothing_to_say(tmp_path: Path, token: str | None, sealed: bool, package: bytes | None) -> None:
    source = SOURCE
    if sealed:
        source = dataclasses.replace(source, package_signature="AAAA", package_sshsig="-----BEGIN SSH SIGNATURE-----\n")
    path = tmp_path / "install.sh"
    path.write_text(install_script(Platform.LINUX, source, token=token, name=token, package=package))
    for said in (["shellcheck", path], ["dash", "-n", path], ["bash", "-n", path], ["busybox", "sh", "-n", path]):
        assert shutil.which(str(said[0])), f"{said[0]} is missing: see scripts/provision"
        done = subprocess.run(said, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_script_holds_what_the_push_runs_word_for_word() -> None:
    script = install_script(Platform.LINUX, SOURCE)
    for name in ("agent_install", "agent_service", "agent_remove"):
        assert (installers.content.builtin_folder("modules") / f"{name}.py").read_text().rstrip() in script
    assert "ExecStart=@PYTHON@ -I /opt/stella-agent/current/stella-agent.pyz run\n" in script
    assert "{{" not in script


def test_secrets_are_in_a_script_only_when_they_were_given() -> None:
    for platform in Platform:
        assert TOKEN not in install_script(platform, SOURCE)
    for platform in (Platform.LINUX, Platform.WINDOWS):
        assert TOKEN in install_script(platform, SOURCE, token=TOKEN)


def test_the_windows_script_says_that_it_was_never_run() -> None:
    script = install_script(Platform.WINDOWS, SOURCE)
    assert "NEVER RUN ON WINDOWS" in script.split("$StellaInstall")[0]
    assert "function Install-StellaAgent" in script and "function Uninstall-StellaAgent" in script


def test_powershell_itself_parses_the_windows_script(tmp_path: Path) -> None:
    pwsh = shutil.which("pwsh")
    if pwsh is None:
        pytest.skip("there is no pwsh on this machine; the grammar of tree-sitter has parsed it")
    path = tmp_path / "install.ps1"
    path.write_text(install_script(Platform.WINDOWS, SOURCE, name="it’s"))
    check = (
        "$e = $null; [void][Management.Automation.Language.Parser]::ParseFile($args[0], [ref]$null, [ref]$e); $e.Count"
    )
    done = subprocess.run([pwsh, "-NoProfile", "-Command", check, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_the_compose_file_keeps_the_token_out_of_the_environment() -> None:
    service = yaml.safe_load(compose_file(SOURCE))["services"]["stella-agent"]
    assert service["environment"] == {
        "STELLA_ORCHESTRATOR_URL": SOURCE.orchestrator_url,
        "STELLA_BOOTSTRAP_TOKEN_FILE": "/run/secrets/stella_token",
    }
    assert service["secrets"] == ["stella_token"] and service["read_only"] is True


# -- the one-line commands


def test_the_linux_command_is_as_the_specification_prints_it_with_pins() -> None:
    assert install_command(Platform.LINUX, SOURCE, TOKEN) == (
        f"curl -sSL --fail --insecure --pinnedpubkey 'sha256//{PIN}'"
        f" https://stella.example.com:8443/install.sh | sudo bash -s -- --token {TOKEN}"
    )


def test_more_than_one_pin_can_be_given() -> None:
    other = base64.b64encode(b"q" * 32).decode()
    words = shlex.split(install_command(Platform.LINUX, dataclasses.replace(SOURCE, server_pins=(PIN, other)), TOKEN))
    assert words[words.index("--pinnedpubkey") + 1] == f"sha256//{PIN};sha256//{other}"


def test_the_windows_command_parses_and_pins_the_certificate() -> None:
    for command in (
        install_command(Platform.WINDOWS, SOURCE, "it's"),
        install_command_from_stdin(Platform.WINDOWS, SOURCE),
    ):
        assert (
            "iwr 'https://stella.example.com:8443/install.ps1' -UseBasicParsing | iex; Install-StellaAgent" in command
        )
        assert "CD" * 32 in command and "\n" not in command
        powershell_values(command)


def test_the_docker_commands_are_words_of_a_shell() -> None:
    words = shlex.split(install_command(Platform.DOCKER, SOURCE, TOKEN))
    assert words[:5] == ["docker", "run", "-d", "--name", "stella-agent"] and words[-1] == "stella/agent:latest"
    assert f"STELLA_BOOTSTRAP_TOKEN={TOKEN}" in words
    assert f"STELLA_ORCHESTRATOR_URL={SOURCE.orchestrator_url}" in words


@pytest.mark.parametrize("value", NASTY)
def test_commands_quote_what_they_are_given(value: str) -> None:
    assert shlex.split(install_command(Platform.LINUX, SOURCE, value))[-1] == value
    assert f"STELLA_BOOTSTRAP_TOKEN={value}" in shlex.split(install_command(Platform.DOCKER, SOURCE, value))


def test_the_safer_commands_hold_no_token() -> None:
    linux = install_command_from_stdin(Platform.LINUX, SOURCE)
    assert linux.endswith("-o stella-install.sh && sudo sh stella-install.sh --token-stdin")
    assert "--token-stdin" in install_command_from_stdin(Platform.DOCKER, SOURCE)
