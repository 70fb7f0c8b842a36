"""``stella.toml`` as it is written: what each key takes, and where in the file it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stella_ops.durations import parse_duration
from stella_ops.errors import SettingsError
from stella_ops.origins import Origin
from stella_ops.spelling import did_you_mean

CA_KEY_TYPES = ("ecdsa-p256", "ecdsa-p384", "rsa-3072", "rsa-4096")


class Wrong(Exception):
    """A value is not what its key takes; the text completes "key must be …"."""


def _text(value: Any, _: Path) -> str:
    if not isinstance(value, str) or not value:
        raise Wrong("a text that is not empty")
    return value


def _store_url(value: Any, root: Path) -> str:
    url = _text(value, root)
    if "://" not in url:
        raise Wrong('a URL like "sqlite:///fleet.db" or "postgresql+psycopg://user@host/fleet"')
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        return f"sqlite:///{quote(str(root))}/{url.removeprefix('sqlite:///')}"
    return url


def _path(value: Any, root: Path) -> Path:
    return root / Path(_text(value, root)).expanduser()


def _paths(value: Any, root: Path) -> tuple[Path, ...]:
    return tuple(_path(item, root) for item in (value if isinstance(value, list) else [value]))


def _texts(value: Any, root: Path) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Wrong("a list of texts")
    return tuple(_text(item, root) for item in value)


def _host_authorities(value: Any, root: Path) -> tuple[str, ...]:
    key = r"([^\s@]\S*\s+)?(ssh|ecdsa|sk)-\S+\s+AAAA[A-Za-z0-9+/]+=*(\s.*)?"
    wanted = 'a list of texts like "*.example.com ssh-ed25519 AAAA…"'
    if not isinstance(value, list):
        raise Wrong(wanted)
    lines = tuple(_text(item, root).strip() for item in value)
    if not all(re.fullmatch(key, line) for line in lines):
        raise Wrong(wanted)
    return lines


def _count(value: Any, _: Path) -> int:
    # bool is an int to Python, but `forks = true` is a mistake.
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Wrong("a whole number above 0")
    return value


def _duration(value: Any, _: Path) -> timedelta:
    try:
        if isinstance(value, str):
            found = parse_duration(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found = timedelta(seconds=value)
        else:
            raise Wrong('a duration like "15m"')
    except (ValueError, OverflowError):
        raise Wrong('a duration like "30s", "15m" or "7d"') from None
    if found <= timedelta(0):
        raise Wrong("longer than nothing")
    return found


def _https_url(value: Any, root: Path) -> str:
    url = _text(value, root)
    if not re.fullmatch(r"https://[^/\s?#@]+/?", url):
        raise Wrong('a URL like "https://orchestrator.example.com:8443"')
    return url.rstrip("/")


def _endpoint(value: Any, root: Path) -> str:
    text = _text(value, root)
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise Wrong('an address and a port like "0.0.0.0:8443"')
    return text


def _key_type(value: Any, _: Path) -> str:
    if value not in CA_KEY_TYPES:
        raise Wrong("one of " + ", ".join(CA_KEY_TYPES))
    return str(value)


_READ: dict[tuple[str, str], Callable[[Any, Path], Any]] = {
    ("store", "url"): _store_url,
    ("defaults", "inventory"): _paths,
    ("defaults", "forks"): _count,
    ("defaults", "remote_user"): _text,
    ("defaults", "private_key_file"): _path,
    ("defaults", "timeout"): _duration,
    ("ca", "passphrase_file"): _path,
    ("ca", "passphrase_env"): _text,
    ("ca", "key_type"): _key_type,
    ("tokens", "ttl"): _duration,
    ("tokens", "max_ttl"): _duration,
    ("tokens", "max_uses"): _count,
    ("agent", "environment"): _text,
    ("agent", "capabilities"): _texts,
    ("agent", "heartbeat_interval"): _duration,
    ("orchestrator", "url"): _https_url,
    ("orchestrator", "listen"): _endpoint,
    ("orchestrator", "names"): _texts,
    ("orchestrator", "max_body"): _count,
    ("orchestrator", "stranger_rate"): _count,
    ("ssh", "host_ca"): _host_authorities,
    ("runs", "journal_age"): _duration,
    ("runs", "journals"): _count,
}


def read_value(section: str, key: str, value: Any, root: Path) -> Any:
    """A key's value as its type; relative paths are relative to ``root``.

    Raises:
        Wrong: it is not what the key takes.
    """
    return _READ[section, key](value, root)


class SettingsFile:
    """One ``stella.toml``, and where in it a key stands.

    Raises:
        SettingsError: the file, or what is asked of it, is wrong.
    """

    def __init__(self, file: Path) -> None:
        import tomllib

        self.file = file
        try:
            self.text = file.read_text(encoding="utf-8")
            self.data = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as problem:
            found = re.search(r" \(at line (\d+), column (\d+)\)$", str(problem))
            where = Origin(str(file), int(found[1]), int(found[2])) if found else Origin(str(file))
            said = str(problem)[: found.start()] if found else str(problem)
            raise SettingsError(f"not valid TOML: {said}", where=where) from None
        except UnicodeDecodeError:
            raise SettingsError("the file is not UTF-8 text", where=Origin(str(file))) from None
        except OSError as problem:
            raise SettingsError(f"cannot read the file: {problem.strerror}", where=Origin(str(file))) from None

    def section(self, name: str, kind: Any) -> Any:
        """A section as the named tuple ``kind``, whose fields are its keys."""
        table = self.data.get(name, {})
        if not isinstance(table, dict):
            raise SettingsError(f"'{name}' must be a section", where=self.place(None, name), hint=f"write [{name}]")
        self.refuse_unknown(name, table, kind._fields)
        values: dict[str, Any] = {}
        for key, value in table.items():
            try:
                values[key] = read_value(name, key, value, self.file.parent)
            except Wrong as wrong:
                raise SettingsError(f"{name}.{key} must be {wrong}", where=self.place(name, key)) from None
        return kind(**values)

    def refuse_unknown(self, section: str | None, table: Mapping[str, Any], known: Any) -> None:
        """Raise for a key of a section, or for a section, that is not known."""
        for key in table:
            if key not in known:
                what = f"key '{key}' in [{section}]" if section else f"section '{key}'"
                hint = did_you_mean(key, known) or "known: " + ", ".join(known)
                raise SettingsError(f"unknown {what}", where=self.place(section, key), hint=hint)

    def place(self, section: str | None, key: str) -> Origin:
        """Where a key stands. tomllib keeps no lines, so the text is searched; a miss costs the line only."""
        name = re.escape(key)
        assignment = re.compile(rf"\s*[\"']?{name}[\"']?\s*[.=]")
        header = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+")
        inline = re.compile(rf"\s*{re.escape(section or '')}\s*(\.\s*{name}\s*=|=.*\b{name}\b)")
        current: str | None = None
        for number, line in enumerate(self.text.splitlines(), 1):
            found = header.match(line)
            if found:
                current = found[1].strip("\"' ")
                if section is None and current.split(".")[0] == key:
                    return Origin(str(self.file), number)
                continue
            within = inline if current is None and section is not None else assignment
            if (current is None or current == section) and within.match(line):
                return Origin(str(self.file), number)
        return Origin(str(self.file))
