"""Install scripts and one-line commands, made from ``templates/`` for one fleet.

A script carries all that a host must know to trust this fleet and no other: its address, its CA, the package's
checksum and the release key. Whoever got the script by a pinned connection can trust what it then fetches.

Every value that reaches a template is quoted there by a filter of the language it stands in (``sh``, ``ps``, ``yaml``,
``label``); what is printed unquoted is refused when it is rendered, so that a forgotten filter cannot become a hole.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2 import TemplateError as JinjaError

from stella_ops import content
from stella_ops.agents.platforms import Platform
from stella_ops.errors import TemplateError, UsageError
from stella_ops.releases.signing import NAMESPACE, PackageSignature

IMAGE = "stella/agent:latest"

_REMOTE = Path(__file__).resolve().parent.parent / "remote"
# What install.sh does by Python, in the order of their imports: the very modules that a push runs on the host.
_REMOTE_SOURCES = ("lib/pidfile.py", "lib/layout.py", "lib/agent_host.py", "lib/exclusive.py")
_MODULES = ("agent_install", "agent_service", "agent_remove")
_END_OF_SOURCES = "STELLA_END_OF_SOURCES"
_PYTHON_MARK = "@PYTHON@"  # in the unit: which Python it will be is known on the host only
_SHELL_SAFE = re.compile(r"[A-Za-z0-9@%+=:,./-]+")
_HEX = re.compile(r"[0-9a-f]{64}\Z")
_PIN = re.compile(r"[A-Za-z0-9+/]{43}=\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallSource:
    """What a script must know of the fleet that it installs from.

    ``ca_pin`` is the SHA-256 of the CA root's DER as hex, ``server_pins`` are SHA-256 of the server keys'
    SubjectPublicKeyInfo in base64, ``server_certificate_sha256`` of the server certificates' DER as hex.
    ``package_signature`` (DER in base64) and ``package_sshsig`` (armored) travel inside scripts that carry their
    package; without them such a script checks the package by its checksum alone, which came the same way.
    """

    orchestrator_url: str
    ca_pem: str
    ca_pin: str
    server_pins: tuple[str, ...]
    server_certificate_sha256: tuple[str, ...]
    package_version: str
    package_sha256: str
    package_size: int
    release_public_pem: str
    release_public_ssh: str
    package_signature: str | None = None
    package_sshsig: str | None = None

    def sealed(self, signature: PackageSignature) -> InstallSource:
        """The same with the package's signature, for scripts that carry the package."""
        der = base64.b64encode(signature.der).decode("ascii")
        return replace(self, package_signature=der, package_sshsig=signature.sshsig)


class _Quoted(str):
    """Text that a filter has made safe for where it stands."""

    __slots__ = ()


def install_script(
    platform: Platform,
    source: InstallSource,
    *,
    token: str | None = None,
    name: str | None = None,
    environment: str | None = None,
    package: bytes | None = None,
) -> str:
    """The script that installs and enrols an agent on a host of this platform.

    Args:
        token: is embedded, so that the script needs no argument; whoever writes it to a file must keep it closed.
        name, environment: a token for another is refused on the host.
        package: the agent package; it then travels inside the script and the host needs no download (Linux).

    Raises:
        UsageError: a value cannot stand in a script.
        TemplateError: the template is broken.
    """
    _check(source, token=token, name=name, environment=environment)
    values: dict[str, Any] = {
        "source": source,
        "token": token or "",
        "name": name or "",
        "environment": environment or "",
    }
    match platform:
        case Platform.LINUX:
            values |= {
                "namespace": NAMESPACE,
                "package": _lines(base64.b64encode(package).decode("ascii")) if package is not None else None,
                "sources": _Quoted(_sources()),
                "end_of_sources": _Quoted(_END_OF_SOURCES),
            }
            return _render("install.sh.j2", values)
        case Platform.WINDOWS:
            return _render("install.ps1.j2", values)
        case Platform.DOCKER:
            return compose_file(source)


def install_command(platform: Platform, source: InstallSource, token: str) -> str:
    """The one line that installs an agent; the token stands in it, for whoever may see it.

    Raises:
        UsageError: a value cannot stand in a command.
    """
    _check(source, token=token)
    match platform:
        case Platform.LINUX:
            return f"{_curl(source)} | sudo bash -s -- --token {_sh(token)}"
        case Platform.WINDOWS:
            return f"{_iwr(source)}; Install-StellaAgent -Token {_ps(token)}"
        case Platform.DOCKER:
            return (
                f"docker run -d --name stella-agent --restart unless-stopped {_VOLUME}"
                f" -e STELLA_ORCHESTRATOR_URL={_sh(source.orchestrator_url)}"
                f" -e STELLA_BOOTSTRAP_TOKEN={_sh(token)} {IMAGE}"
            )


def install_command_from_stdin(platform: Platform, source: InstallSource) -> str:
    """The line that asks for the token (or reads it from standard input), so that it shows in no process list.

    Raises:
        UsageError: a value cannot stand in a command.
    """
    _check(source)
    match platform:
        case Platform.LINUX:
            return f"{_curl(source)} -o stella-install.sh && sudo sh stella-install.sh --token-stdin"
        case Platform.WINDOWS:
            return f"{_iwr(source)}; Install-StellaAgent"
        case Platform.DOCKER:
            return (
                f"docker run --rm -i {_VOLUME} {IMAGE} enrol --url {_sh(source.orchestrator_url)} --token-stdin"
                f" && docker run -d --name stella-agent --restart unless-stopped {_VOLUME}"
                f" -e STELLA_ORCHESTRATOR_URL={_sh(source.orchestrator_url)} {IMAGE}"
            )


def compose_file(source: InstallSource, *, image: str = IMAGE, token_file: str = "./stella-token") -> str:  # noqa: S107
    """A compose file for one agent; its token is read from ``token_file`` beside it, as a compose secret.

    Raises:
        UsageError: a value cannot stand in the file.
        TemplateError: the template is broken.
    """
    _check(source, image=image, token_file=token_file)
    return _render("docker-compose.yml.j2", {"source": source, "image": image, "token_file": token_file})


_VOLUME = "-v stella-agent-data:/var/lib/stella-agent"


def _curl(source: InstallSource) -> str:
    """``--insecure`` with ``--pinnedpubkey``: curl then checks the server's key, and nothing else."""
    pins = ";".join(f"sha256//{pin}" for pin in source.server_pins)
    return f"curl -sSL --fail --insecure --pinnedpubkey '{pins}' {_sh(_url(source, 'install.sh'))}"


# Delegates in C#, since .NET may call them on a thread that has no PowerShell runspace. One for all versions of
# .NET on Windows: HttpWebRequest is old, but is there in Windows PowerShell 5.1 and in PowerShell 7.
_PIN_TYPE = (
    "public static class StellaPin{public static string[] Pins;public static bool Ok(object s,"
    "System.Security.Cryptography.X509Certificates.X509Certificate c,"
    "System.Security.Cryptography.X509Certificates.X509Chain h,System.Net.Security.SslPolicyErrors e){"
    "using(var a=System.Security.Cryptography.SHA256.Create())return System.Array.IndexOf(Pins,"
    'System.BitConverter.ToString(a.ComputeHash(c.GetRawCertData())).Replace("-",""))>=0;}}'
)


def _iwr(source: InstallSource) -> str:
    if not source.server_certificate_sha256:
        raise UsageError(
            "the server's certificate, which Windows hosts are to check, is not known here",
            hint="run this where 'stella-ops serve' runs, or copy install.ps1 to the host",
        )
    pins = ",".join(_ps(pin.upper()) for pin in source.server_certificate_sha256)
    return (
        f"Add-Type {_ps(_PIN_TYPE)}; [StellaPin]::Pins={pins}; "
        "[Net.ServicePointManager]::SecurityProtocol='Tls12'; "
        "[Net.ServicePointManager]::ServerCertificateValidationCallback="
        "[Delegate]::CreateDelegate([Net.Security.RemoteCertificateValidationCallback],[StellaPin].GetMethod('Ok')); "
        f"iwr {_ps(_url(source, 'install.ps1'))} -UseBasicParsing | iex"
    )


def _url(source: InstallSource, path: str) -> str:
    return f"{source.orchestrator_url.rstrip('/')}/{path}"


def _check(source: InstallSource, **values: str | None) -> None:
    """Refuse what cannot be, before it stands in a script."""
    parts = urlsplit(source.orchestrator_url)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise UsageError(
            f"the orchestrator's address '{source.orchestrator_url}' is no address that agents can call",
            hint="set url in [orchestrator] of stella.toml, as in https://stella.example.com:8443",
        )
    if not _HEX.match(source.ca_pin) or not all(map(_HEX.match, source.server_certificate_sha256)):
        raise UsageError("a certificate's pin must be 64 hexadecimal digits in lower case")
    if not source.server_pins or not all(map(_PIN.match, source.server_pins)):
        raise UsageError(
            "the server's pin must be a SHA-256 in base64", hint="start the orchestrator once: it makes one"
        )
    values["orchestrator_url"] = source.orchestrator_url
    values["package_version"] = source.package_version
    for what, value in values.items():
        if value is not None and any(not character.isprintable() for character in value):
            raise UsageError(f"{what.replace('_', ' ')} holds a control character")


def _sources() -> str:
    """The Python that travels in install.sh, each file under a line that names it."""
    files = [(f"stella_ops.remote.{name[:-3].replace('/', '.')}", _REMOTE / name) for name in _REMOTE_SOURCES]
    for name in _MODULES:
        path = content.module_path(name)
        if path is None:
            raise TemplateError(f"the module {name} is missing", hint="install stella-ops again")
        files.append((name, path))
    files.append(("installer", _REMOTE / "installer.py"))
    parts = [f"#: {name}\n{path.read_text(encoding='utf-8').rstrip()}\n" for name, path in files]
    parts.append(f"#: unit\n{_unit()}")
    return "".join(parts).removesuffix("\n")  # the template has it


def _unit() -> str:
    path = content.find_content("templates", "stella-agent.service")
    assert path is not None
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    return template.from_string(path.read_text(encoding="utf-8")).render(agent_python=_PYTHON_MARK)


def _lines(text: str) -> _Quoted:
    """base64 in lines that a mail programme would not break either; nothing in it means anything to a shell."""
    return _Quoted("\n".join(text[at : at + 76] for at in range(0, len(text), 76)))


def _render(template: str, values: Mapping[str, Any]) -> str:
    try:
        return _templates().get_template(template).render(values)
    except JinjaError as problem:
        raise TemplateError(f"{template}: {problem}", hint="install stella-ops again") from problem


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(content.builtin_folder("templates")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # no HTML; see _quoted_only
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_quoted_only,
    )
    templates.filters |= {"sh": _sh, "ps": _ps, "yaml": _yaml, "word": _word}
    return templates


def _quoted_only(value: object) -> object:
    if isinstance(value, int | _Quoted):
        return value
    raise JinjaError(f"a value of type {type(value).__name__} is printed without a quoting filter")


def _sh(value: str) -> _Quoted:
    """One word of a POSIX shell."""
    if "\0" in value:
        raise UsageError("a NUL character cannot stand in a script")
    return _Quoted(value if _SHELL_SAFE.fullmatch(value) else shlex.quote(value))


def _ps(value: str) -> _Quoted:
    """A string of PowerShell. Typographic quotes end one there as well. Source: about_Quoting_Rules."""
    if "\0" in value:
        raise UsageError("a NUL character cannot stand in a script")
    return _Quoted("'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", value) + "'")


def _yaml(value: str) -> _Quoted:
    """A double-quoted scalar of a compose file: JSON's strings are YAML's, and compose takes ``$$`` for ``$``."""
    return _Quoted(json.dumps(value, ensure_ascii=False).replace("$", "$$"))


def _word(value: str) -> _Quoted:
    """A word that was checked to be harmless wherever it stands."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]*", value):
        raise UsageError(f"'{value}' cannot stand in a file unquoted")
    return _Quoted(value)
