"""The fleet's services behind one door: store, authority, tokens, registry, packages.

Nothing is opened before it is used, so that a run that needs no fleet costs none of its imports. The services
are synchronous; ``call`` runs them in one worker thread, off the event loop and one after the other.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import getpass
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from stella_ops import __version__
from stella_ops.errors import StoreError
from stella_ops.redaction import Redactor
from stella_ops.settings import Project

if TYPE_CHECKING:
    from stella_ops.agents.bootstrap import BootstrapService
    from stella_ops.agents.checkin import CheckinService
    from stella_ops.agents.configuration import ConfigurationService
    from stella_ops.agents.enrolment import EnrolmentService
    from stella_ops.agents.exchange import ExchangeService
    from stella_ops.agents.installers import InstallSource
    from stella_ops.agents.operators import OperatorService
    from stella_ops.agents.registry import AgentRegistry
    from stella_ops.agents.tokens import TokenService
    from stella_ops.agents.undoing import UndoService
    from stella_ops.pki.authority import CertificateAuthority
    from stella_ops.pki.server import ServerIdentity
    from stella_ops.releases.build import AgentPackage
    from stella_ops.releases.images import ImageFile
    from stella_ops.releases.signing import ReleaseKey
    from stella_ops.store.database import Store
    from stella_ops.store.run_reporter import RunRecorder

P = ParamSpec("P")
T = TypeVar("T")


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


class Fleet:
    """One project's fleet.

    Args:
        redactor: learns every token, so that none can show anywhere.
        clock: gives the time.
        random: gives that many random bytes.
        environ: where the authority's passphrase is, when it is configured to come from the environment.
        warn: told of what the operator should know, such as keys that are not encrypted.
    """

    def __init__(
        self,
        project: Project,
        *,
        redactor: Redactor,
        clock: Callable[[], datetime] = utc_now,
        random: Callable[[int], bytes] = secrets.token_bytes,
        environ: Mapping[str, str] = os.environ,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.project = project
        self.redactor = redactor
        self.clock = clock
        self._random = random
        self._environ = environ
        self._warn = warn
        self._worker: ThreadPoolExecutor | None = None
        self._images: dict[object, ImageFile] = {}
        self._refused: set[Any] = set()

    @functools.cached_property
    def actor(self) -> str:
        """Who acts, for the audit trail: user@host of the controller."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = "unknown"
        return f"{user}@{socket.gethostname()}"

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a service's method in the worker thread."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fleet")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, functools.partial(function, *args, **kwargs))

    async def close(self) -> None:
        """Close the store."""
        if "store" in self.__dict__:
            await self.call(self.store.close)
        if self._worker is not None:
            self._worker.shutdown(wait=True)

    # -- services; each is opened on first use, in the worker thread

    @functools.cached_property
    def store(self) -> Store:
        from stella_ops.store.database import Store

        self.project.ensure_state_dir()
        return Store.open(self.project.store_url)

    @functools.cached_property
    def authority(self) -> CertificateAuthority:
        from stella_ops.pki.authority import CertificateAuthority

        self.project.ensure_state_dir()
        passphrase = self.project.ca_passphrase(self._environ)
        if passphrase is not None:
            self.redactor.add(passphrase)
        made = CertificateAuthority.load_or_create(
            self.project.ca_dir,
            passphrase=passphrase,
            clock=self.clock,
            key_type=self.project.ca.key_type,
        )
        if made.created:
            self._audit("ca.create", "authority", {"pin": made.pin})
        for warning in made.warnings:
            self._warn(warning)
        return made

    @functools.cached_property
    def tokens(self) -> TokenService:
        from stella_ops.agents.tokens import TokenService

        limits = self.project.tokens
        return TokenService(
            self.store,
            clock=self.clock,
            random=self._random,
            ttl=limits.ttl,
            max_ttl=limits.max_ttl,
            max_uses=limits.max_uses,
        )

    @functools.cached_property
    def enrolment(self) -> EnrolmentService:
        from stella_ops.agents.enrolment import EnrolmentService

        return EnrolmentService(self.store, self.authority, self.tokens, clock=self.clock, random=self._random)

    @functools.cached_property
    def undoing(self) -> UndoService:
        from stella_ops.agents.undoing import UndoService

        return UndoService(self.store, clock=self.clock)

    @functools.cached_property
    def exchange(self) -> ExchangeService:
        from stella_ops.agents.exchange import ExchangeService

        return ExchangeService(
            self.store, self.tokens, self.enrolment, self.configurations, orchestrator_url=lambda: self.orchestrator_url
        )

    @functools.cached_property
    def orchestrator_url(self) -> str:
        """What agents that can call in call: as configured, else this machine's own name."""
        return self.project.orchestrator.url or f"https://{socket.getfqdn()}:8443"

    @functools.cached_property
    def bootstrap(self) -> BootstrapService:
        from stella_ops.agents.bootstrap import BootstrapService

        return BootstrapService(
            self.store,
            self.tokens,
            self.enrolment,
            self.configurations,
            clock=self.clock,
            source=self.look_up_install_source,
            keep_secret=self.redactor.add,
        )

    @functools.cached_property
    def install_source(self) -> InstallSource:
        """What an install script must know of this fleet, as of the first look."""
        return self.look_up_install_source()

    def look_up_install_source(self) -> InstallSource:
        """What an install script must know of this fleet, as of now: servers' certificates are renewed.

        An orchestrator that has never run at the address is taken to be this machine: its key is made here then.
        """
        from stella_ops.agents.installers import InstallSource
        from stella_ops.store import orchestrators

        with self.store.reading() as connection:
            pins = orchestrators.pins(connection, self.orchestrator_url)
        certificates: tuple[str, ...] = ()
        if self.project.orchestrator_dir.exists() or not pins:
            own = self.look_after_server_identity()
            certificates = (own.certificate_sha256,)
            pins = list(dict.fromkeys((own.public_key_sha256, *pins)))
        return InstallSource(
            orchestrator_url=self.orchestrator_url,
            ca_pem=self.authority.root_pem,
            ca_pin=self.authority.pin,
            server_pins=tuple(base64.b64encode(bytes.fromhex(pin)).decode() for pin in pins),
            server_certificate_sha256=certificates,
            package_version=self.package.version,
            package_sha256=self.package.sha256,
            package_size=self.package.size,
            release_public_pem=self.release_key.public_pem,
            release_public_ssh=self.release_key.public_ssh,
        )

    def look_after_server_identity(self) -> ServerIdentity:
        """Make or renew, where that is due, the key and certificate that an orchestrator on this machine answers with.

        That it answers with this key is recorded in the store.
        """
        from stella_ops.pki.server import ServerIdentity
        from stella_ops.store import orchestrators

        made = ServerIdentity.load_or_create(
            self.project.orchestrator_dir, self.authority, self.server_names, self.clock
        )
        with self.store.transaction() as connection:
            orchestrators.seen(connection, self.orchestrator_url, made.public_key_sha256, self.clock())
        return made

    @functools.cached_property
    def server_names(self) -> tuple[str, ...]:
        """The names and addresses that an orchestrator on this machine is called by."""
        from urllib.parse import urlsplit

        from stella_ops.pki.authority import is_server_name

        named = urlsplit(self.orchestrator_url).hostname or ""
        # What was set and cannot be in a certificate is told; what the machine happens to be called is left out.
        own = filter(is_server_name, (socket.getfqdn(), socket.gethostname(), "localhost", "127.0.0.1", "::1"))
        return tuple(dict.fromkeys(name for name in (named, *self.project.orchestrator.names, *own) if name))

    @functools.cached_property
    def release_key(self) -> ReleaseKey:
        """The key that signs agent packages."""
        from stella_ops.releases.signing import ReleaseKey

        self.project.ensure_state_dir()
        passphrase = self.project.ca_passphrase(self._environ)
        if passphrase is not None:
            self.redactor.add(passphrase)
        return ReleaseKey.load_or_create(self.project.releases_dir, passphrase)

    @functools.cached_property
    def registry(self) -> AgentRegistry:
        from stella_ops.agents.registry import AgentRegistry

        return AgentRegistry(self.store, clock=self.clock)

    @functools.cached_property
    def configurations(self) -> ConfigurationService:
        from stella_ops.agents.configuration import ConfigurationService

        return ConfigurationService(self.store, clock=self.clock, settings=self.project.agent)

    @functools.cached_property
    def checkin(self) -> CheckinService:
        from stella_ops.agents.checkin import CheckinService

        return CheckinService(
            self.store,
            self.registry,
            self.enrolment,
            self.configurations,
            clock=self.clock,
            random=self._random,
        )

    @functools.cached_property
    def operators(self) -> OperatorService:
        from stella_ops.agents.operators import OperatorService

        return OperatorService(self.store, authority=lambda: self.authority, clock=self.clock, random=self._random)

    @functools.cached_property
    def package(self) -> AgentPackage:
        """The agent package of this version, built when it is missing."""
        from stella_ops.releases.packages import ensure_package

        self.project.ensure_state_dir()
        return ensure_package(self.project.releases_dir, __version__)

    def agent_image(self, path: Path | None, *, base: str | None = None, rootfs: Path | None = None) -> ImageFile:
        """The file with the agent's container image.

        Args:
            path: a file that is there; None for this version's of the project, which is made, once a run, when
                ``base`` or ``rootfs`` says from what (see ``releases.images.build_image``).

        Raises:
            ReleaseError: there is none, it is none, or it cannot be made.
        """
        from stella_ops.releases import images

        key = (path, base, rootfs)
        if key not in self._images:
            if path is None:
                path = self.project.releases_dir / __version__ / images.IMAGE_FILE
                if base or rootfs:
                    self._images[key] = images.ensure_image_file(self.package, path, base=base, rootfs=rootfs)
                    return self._images[key]
            self._images[key] = images.image_file(path)
        return self._images[key]

    # -- records

    def run_recorder(self) -> RunRecorder:
        """A reporter that writes the run to the store."""
        from stella_ops.store.run_reporter import RunRecorder

        self.project.ensure_state_dir()
        return RunRecorder(self.project.store_url)

    def host_key_accepted(self, key: Any) -> None:
        """Audit a host key that an operator chose to accept (``transport.host_keys.AcceptedKey``)."""
        detail = {"port": key.port, "algorithm": key.algorithm, "fingerprint": key.fingerprint}
        self._warn(f"accepted the new host key of {key.host}:{key.port} ({key.algorithm} {key.fingerprint})")
        self._audit("host-key.accept", key.host, detail)

    async def host_key_refused(self, key: Any) -> None:
        """Audit a host key that contradicts what is on record (``transport.host_keys.RefusedKey``), once a run."""
        if key in self._refused:
            return
        self._refused.add(key)
        detail = {name: value for name, value in key._asdict().items() if name != "host"}
        detail["on_record"] = list(key.on_record)
        try:
            await self.call(self._audit, "host-key.refuse", key.host, detail, "refused")
        except StoreError as problem:
            # The refusal stands, whatever becomes of its record.
            self._warn(f"the refused host key of {key.host} is not in the audit trail: {problem}")

    async def pinned_hosts(self) -> Path:
        """The file of host keys that are pinned in the store; it need not be there.

        A store on this machine wrote it when something was pinned. A store on a server may have been changed from
        elsewhere, and is asked.
        """
        file = self.project.pinned_hosts_file
        if not self.project.store_url.startswith("sqlite"):
            from stella_ops.agents.pinned_hosts import write_pinned_hosts

            try:
                await self.call(lambda: write_pinned_hosts(self.store, file))
            except StoreError as problem:
                self._warn(f"pinned host keys are those of last time: {problem}")
        return file

    def _audit(self, act: str, subject: str, detail: dict[str, Any], outcome: str = "ok") -> None:
        from stella_ops.store import audit

        entry = audit.AuditEntry(
            time=self.clock(), actor=self.actor, act=act, subject=subject, outcome=outcome, detail=detail
        )
        with self.store.transaction() as connection:
            audit.record(connection, entry)
