"""A user's project: the folder with ``stella.toml``, what that file says, and where state is kept.

    [store]     url                                   default: SQLite in the state folder
    [defaults]  inventory forks remote_user private_key_file timeout
    [ca]        passphrase_file passphrase_env key_type
    [tokens]    ttl max_ttl max_uses
    [agent]     environment capabilities heartbeat_interval
    [orchestrator] url listen names max_body stranger_rate
    [ssh]       host_ca
    [runs]      journal_age journals

Relative paths are relative to the project folder. ``STELLA_HOME`` moves the state folder (``.stella``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from stella_ops.errors import SettingsError

SETTINGS_FILE = "stella.toml"


class StoreSettings(NamedTuple):
    """``[store]``. The URL may hold a password, so it stays out of ``repr``."""

    url: str | None = None

    def __repr__(self) -> str:
        return "StoreSettings()"


class DefaultsSettings(NamedTuple):
    """``[defaults]``: what a command line that says nothing means."""

    inventory: tuple[Path, ...] = ()
    forks: int = 50
    remote_user: str | None = None
    private_key_file: Path | None = None
    timeout: timedelta = timedelta(seconds=10)


class CaSettings(NamedTuple):
    """``[ca]``: where the passphrase of the authority's keys comes from, and the kind of keys."""

    passphrase_file: Path | None = None
    passphrase_env: str | None = None
    key_type: str = "ecdsa-p256"


class TokenSettings(NamedTuple):
    """``[tokens]``: the life of bootstrap tokens, and the most that may be asked for."""

    ttl: timedelta = timedelta(minutes=15)
    max_ttl: timedelta = timedelta(hours=24)
    max_uses: int = 100


class AgentSettings(NamedTuple):
    """``[agent]``: what an agent gets when inventory variables say nothing else."""

    environment: str = "default"
    capabilities: tuple[str, ...] = ("health_check",)
    heartbeat_interval: timedelta = timedelta(seconds=30)


class OrchestratorSettings(NamedTuple):
    """``[orchestrator]``: where agents that can call in find the API, and what strangers may ask of it.

    Attributes:
        url: what agents call; the machine's own name and port 8443 when not set.
        listen: address and port to bind.
        names: more DNS names and addresses for the server's certificate.
        max_body: bytes that the body of a stranger's request may have.
        stranger_rate: requests of strangers that are answered, for one address in one minute.
    """

    url: str | None = None
    listen: str = "0.0.0.0:8443"
    names: tuple[str, ...] = ()
    max_body: int = 65_536
    stranger_rate: int = 60


class SshSettings(NamedTuple):
    """``[ssh]``: public keys of authorities that certify host keys (sshd's HostCertificate).

    ``host_ca`` holds lines as in known_hosts, without ``@cert-authority``: host patterns and a key, or a key alone.
    """

    host_ca: tuple[str, ...] = ()


class RunsSettings(NamedTuple):
    """``[runs]``: for how long, and for how many runs at the most, it is kept what ``play --resume`` goes on from."""

    journal_age: timedelta = timedelta(days=14)
    journals: int = 50


class Project(NamedTuple):
    """A project folder with its settings; ``file`` is None where there is no ``stella.toml``.

    ``written`` are the keys that the file sets, as ``section.key``.
    """

    root: Path
    state_dir: Path
    file: Path | None = None
    store: StoreSettings = StoreSettings()
    defaults: DefaultsSettings = DefaultsSettings()
    ca: CaSettings = CaSettings()
    tokens: TokenSettings = TokenSettings()
    agent: AgentSettings = AgentSettings()
    orchestrator: OrchestratorSettings = OrchestratorSettings()
    ssh: SshSettings = SshSettings()
    runs: RunsSettings = RunsSettings()
    written: frozenset[str] = frozenset()

    def says(self, section: str, key: str) -> Any:
        """What the file itself says; None where it leaves a key to its default."""
        return getattr(getattr(self, section), key) if f"{section}.{key}" in self.written else None

    @property
    def store_url(self) -> str:
        """The store's SQLAlchemy URL."""
        # quote: SQLAlchemy reads '?' and '%' in the path of a URL as syntax.
        return self.store.url or f"sqlite:///{quote(str(self.state_dir / 'fleet.db'))}"

    @property
    def ca_dir(self) -> Path:
        return self.state_dir / "ca"

    @property
    def releases_dir(self) -> Path:
        return self.state_dir / "releases"

    @property
    def orchestrator_dir(self) -> Path:
        return self.state_dir / "orchestrator"

    @property
    def known_hosts_file(self) -> Path:
        """Keys that were accepted with ``--accept-new-host-keys``."""
        return self.state_dir / "known_hosts"

    @property
    def pinned_hosts_file(self) -> Path:
        """Keys that are pinned in the store, written out for connections."""
        return self.state_dir / "pinned_hosts"

    def ensure_state_dir(self) -> Path:
        """Make the state folder, for its owner's eyes only, and return it.

        Raises:
            SettingsError: it cannot be made.
        """
        try:
            self.state_dir.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.state_dir.mkdir(mode=0o700)
            except FileExistsError:
                if not self.state_dir.is_dir():
                    raise
                self._refuse_strangers(self.state_dir.stat())
            else:
                # Keys must not slip into the project's version control with a careless `git add .`
                (self.state_dir / ".gitignore").write_text("*\n", encoding="utf-8")
        except OSError as problem:
            raise SettingsError(
                f"cannot make the state folder: {problem.strerror}",
                where=self.state_dir,
                hint="set STELLA_HOME to a folder that you may write to",
            ) from None
        return self.state_dir

    def _refuse_strangers(self, about: os.stat_result) -> None:
        """A state folder that others may write to holds whatever authority and host keys they put there."""
        me = os.geteuid()
        if about.st_uid not in (me, 0) and me != 0:
            raise SettingsError(
                "the state folder belongs to another user",
                where=self.state_dir,
                hint="set STELLA_HOME to a folder of your own",
            )
        if about.st_mode & 0o022:
            raise SettingsError(
                "other users may write to the state folder",
                where=self.state_dir,
                hint=f"look at what is in it, then chmod go-w {self.state_dir}; or set STELLA_HOME",
            )

    def ca_passphrase(self, environ: Mapping[str, str] = os.environ) -> bytes | None:
        """The passphrase of the authority's keys, or None when none is configured.

        Raises:
            SettingsError: one is configured and cannot be had, or is empty.
        """
        if self.ca.passphrase_file is not None:
            try:
                found = self.ca.passphrase_file.read_bytes().rstrip(b"\r\n")
            except OSError as problem:
                raise SettingsError(
                    f"cannot read the CA's passphrase: {problem.strerror}", where=self.ca.passphrase_file
                ) from None
            source = str(self.ca.passphrase_file)
        elif self.ca.passphrase_env is not None:
            source = f"environment variable {self.ca.passphrase_env}"
            found = os.fsencode(environ.get(self.ca.passphrase_env, ""))
        else:
            return None
        if not found:
            raise SettingsError("the CA's passphrase is empty or not set", where=source)
        return found


def load_project(start: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Project:
    """Find and read the project: the nearest folder at or above ``start`` that holds ``stella.toml``.

    Args:
        start: where to begin, the current folder by default. Without a file above it, it is the project.
        environ: for ``STELLA_HOME``.

    Raises:
        SettingsError: the file cannot be read, has an unknown key, or a value of the wrong kind.
    """
    begin = (start or Path.cwd()).resolve()
    places = (folder / SETTINGS_FILE for folder in (begin, *begin.parents))
    file = next((place for place in places if place.is_file() and is_trusted(place)), None)
    root = file.parent if file else begin
    home = environ.get("STELLA_HOME")
    state_dir = begin / Path(home).expanduser() if home else root / ".stella"
    if file is None:
        return Project(root=root, state_dir=state_dir)
    from stella_ops.settings_file import SettingsFile

    reader = SettingsFile(file)
    made = {name: reader.section(name, kind) for name, kind in _SECTIONS.items()}
    reader.refuse_unknown(None, reader.data, _SECTIONS)
    written = frozenset(f"{name}.{key}" for name in made for key in reader.data.get(name, {}))
    project = Project(root=root, state_dir=state_dir, file=file, written=written, **made)
    if project.tokens.ttl > project.tokens.max_ttl:
        raise SettingsError("tokens.ttl is longer than tokens.max_ttl", where=reader.place("tokens", "ttl"))
    if project.ca.passphrase_file and project.ca.passphrase_env:
        raise SettingsError(
            "passphrase_file and passphrase_env exclude each other",
            where=reader.place("ca", "passphrase_env"),
        )
    return project


def with_orchestrator(project: Project, *, url: str | None = None, listen: str | None = None) -> Project:
    """The project with what a command line says in place of ``[orchestrator]``.

    Raises:
        SettingsError: a value is not what its key takes.
    """
    from stella_ops.settings_file import Wrong, read_value

    values: dict[str, Any] = {}
    for key, value in (("url", url), ("listen", listen)):
        if value is not None:
            try:
                values[key] = read_value("orchestrator", key, value, project.root)
            except Wrong as wrong:
                raise SettingsError(f"--{key} must be {wrong}") from None
    return project._replace(orchestrator=project.orchestrator._replace(**values))


def is_trusted(path: Path) -> bool:
    """Whether a path is there and may steer the program without having been named.

    In a folder that everybody may write to, such as /tmp, anybody can leave a ``stella.toml`` or an inventory
    for others to stumble upon; there only one's own, or root's, counts.
    """
    try:
        folder, about = path.parent.stat(), path.stat()
    except OSError:
        return False
    return not folder.st_mode & 0o002 or about.st_uid in (os.geteuid(), 0)


_SECTIONS: dict[str, Any] = {
    "store": StoreSettings,
    "defaults": DefaultsSettings,
    "ca": CaSettings,
    "tokens": TokenSettings,
    "agent": AgentSettings,
    "orchestrator": OrchestratorSettings,
    "ssh": SshSettings,
    "runs": RunsSettings,
}
