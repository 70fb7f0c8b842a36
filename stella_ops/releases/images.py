"""Builds the agent's container image with a Docker engine that is at hand, and saves it to a file.

    package ──▶ Dockerfile.j2 ──▶ engine ──▶ stella/agent:<version>, stella/agent:latest ──▶ agent-image.tar

Nothing comes from a registry: the base is an image that the engine has, or an archive with a root file system. No
secret is in any layer: what goes in is the package, which is the same for everybody. The saved file is what hosts
get; ``image_file`` says what is in it.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from stella_ops import atomic_files
from stella_ops.content import find_content
from stella_ops.errors import ReleaseError
from stella_ops.releases.build import AgentPackage

if TYPE_CHECKING:
    from docker.client import DockerClient

REPOSITORY = "stella/agent"
IMAGE_FILE = "agent-image.tar"
VERSION_LABEL = "org.opencontainers.image.version"
PACKAGE_LABEL = "io.stella-ops.package.sha256"
BASE_LABEL = "io.stella-ops.base"

_TEMPLATE = "Dockerfile.j2"
_PACKAGE = "stella-agent.pyz"
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,255}\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
_ROOTFS_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2")
_BUILD_SECONDS = 600
_COPY = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """An image in an engine.

    Attributes:
        id: ``sha256:…``; empty under check mode where it would be built.
        tags: its names, the version's first.
        base: what it was built from.
        built: whether it was built now (or, under check mode, would be); False where the engine had it.
    """

    id: str
    tags: tuple[str, ...]
    version: str
    package_sha256: str
    base: str
    built: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """An image that was saved to a file.

    Attributes:
        ids: how engines may call it (``sha256:…``): by its configuration, or by its manifest where images are kept
            by containerd.
        version: the agent's, by the image's label.
        architecture: as Docker names it: ``amd64``, ``arm64``.
    """

    path: Path
    ids: tuple[str, ...]
    tags: tuple[str, ...]
    version: str
    architecture: str


def build_image(
    package: AgentPackage,
    *,
    base: str | None = None,
    rootfs: Path | None = None,
    engine: str | None = None,
    check: bool = False,
) -> BuiltImage:
    """The image of an agent package; an engine that has it already does nothing.

    Args:
        base: an image that the engine has.
        rootfs: instead of it, a tar archive (plain or compressed) with a root file system.
        engine: ``unix:///…`` or ``tcp://…``; by default what DOCKER_HOST says.
        check: only look.

    Raises:
        ReleaseError: the extra ``docker`` is missing, no engine answers, the base is not there, the build fails.
    """
    if (base is None) == (rootfs is None):
        raise ReleaseError("an image needs a base: an image, or an archive with a root file system, and not both")
    if not _TAG.match(package.version):
        raise ReleaseError(f"version '{package.version}' cannot be an image's tag", hint="'+' is not allowed there")
    if base is not None and not _REFERENCE.match(base):
        raise ReleaseError(f"'{base}' is not the name of an image", hint="as docker images shows it: debian:bookworm")
    with connected(engine) as client, _explained("the image cannot be built"):
        found_base = _base_id(client, base) if base is not None else _rootfs_id(rootfs)
        tags = (f"{REPOSITORY}:{package.version}", f"{REPOSITORY}:latest")
        labels = {PACKAGE_LABEL: package.sha256, BASE_LABEL: found_base}
        image = _find(client, tags[0])
        built = image is None or any(image.labels.get(name) != value for name, value in labels.items())
        if built and not check:
            text = dockerfile(package.version, base=base, rootfs=_rootfs_name(rootfs))
            image = _build(client, text, package, rootfs, tags[0], labels)
        if not check and image is not None:
            image.tag(REPOSITORY, "latest")
        return BuiltImage(
            id="" if built and check else image.id,
            tags=tags,
            version=package.version,
            package_sha256=package.sha256,
            base=base or str(rootfs),
            built=built,
        )


def save_image(image: BuiltImage, output: Path, *, engine: str | None = None) -> ImageFile:
    """Write an image to a file, atomically; compressed when the name ends in ``.gz`` or ``.tgz``.

    Raises:
        ReleaseError: the engine has no such image, or the file cannot be written.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with (
            atomic_files.replacing(output, mode=0o644) as raw,
            connected(engine) as client,
            _explained("the image cannot be saved"),
        ):
            # By its name: an image that is saved by its id has none where it is loaded.
            pieces = client.api.get_image(image.tags[0])
            with _written(raw, output) as stream:
                for piece in pieces:
                    stream.write(piece)
    except OSError as problem:
        raise ReleaseError(f"the image cannot be written: {problem.strerror or problem}", where=output) from problem
    return image_file(output)


def ensure_image_file(
    package: AgentPackage, path: Path, *, base: str | None, rootfs: Path | None, engine: str | None = None
) -> ImageFile:
    """The file with this package's image, made again only when package or base have changed.

    Raises:
        ReleaseError: see ``build_image`` and ``save_image``.
    """
    image = build_image(package, base=base, rootfs=rootfs, engine=engine)
    if path.exists():
        with contextlib.suppress(ReleaseError):
            present = image_file(path)
            if image.id in present.ids:
                return present
    return save_image(image, path, engine=engine)


def image_file(path: Path) -> ImageFile:
    """What is in a file that ``save_image`` (or ``docker save``) wrote.

    Raises:
        ReleaseError: it cannot be read, or holds no agent image.
    """
    try:
        with tarfile.open(path) as archive:
            manifest = _member(archive, "manifest.json")
            entry = manifest[0] if isinstance(manifest, list) and len(manifest) == 1 else None
            if not isinstance(entry, dict) or not isinstance(entry.get("Config"), str):
                raise ReleaseError("the file holds no single image", where=path, hint="docker save of one image")
            config = _member(archive, entry["Config"])
            index = _member(archive, "index.json", optional=True)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, ValueError) as problem:
        raise ReleaseError(f"this is no saved image: {problem}", where=path, hint=_MAKE) from problem
    except OSError as problem:
        raise ReleaseError(
            f"the agent's image cannot be read: {problem.strerror or problem}", where=path, hint=_MAKE
        ) from problem
    labels = (config.get("config") or {}).get("Labels") or {}
    if labels.get("org.opencontainers.image.title") != "stella-agent":
        raise ReleaseError("the image in this file is not the agent's", where=path, hint=_MAKE)
    manifests = index.get("manifests") or [] if isinstance(index, dict) else []
    ids = {f"sha256:{Path(entry['Config']).stem}": None}
    ids.update({str(one["digest"]): None for one in manifests if isinstance(one, dict) and one.get("digest")})
    return ImageFile(
        path=path,
        ids=tuple(ids),
        tags=tuple(map(str, entry.get("RepoTags") or ())),
        version=str(labels.get(VERSION_LABEL, "")),
        architecture=str(config.get("architecture", "")),
    )


_MAKE = "make it: stella-ops release image --base IMAGE"


def dockerfile(version: str, *, base: str | None = None, rootfs: str | None = None, package: str = _PACKAGE) -> str:
    """The text of the Dockerfile; ``rootfs`` and ``package`` are names of files beside it."""
    import jinja2

    path = find_content("templates", _TEMPLATE)
    assert path is not None
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701
    template = environment.from_string(path.read_text(encoding="utf-8"))
    return template.render(base_image=base, rootfs=rootfs, package=package, version=version).lstrip("\n")


@contextlib.contextmanager
def connected(engine: str | None) -> Iterator[DockerClient]:
    """A client of an engine that answers.

    Raises:
        ReleaseError: the extra ``docker`` is missing, or no engine answers.
    """
    try:
        import docker
        from docker.errors import DockerException
    except ImportError as problem:
        raise ReleaseError(
            "images are built with the package 'docker', which is not installed",
            hint="pip install 'stella-ops[docker]'",
        ) from problem
    where = engine or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    try:
        client = docker.DockerClient(base_url=where, timeout=_BUILD_SECONDS)
        client.ping()
    except (DockerException, OSError) as problem:
        raise ReleaseError(
            f"no Docker engine answers at {where}: {_said(problem)}",
            hint="start Docker, or name another engine with --engine unix:///… or DOCKER_HOST",
        ) from problem
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Make the SDK's errors ours."""
    import requests
    from docker.errors import DockerException

    try:
        yield
    except (DockerException, requests.RequestException) as problem:
        raise ReleaseError(f"{what}: {_said(problem)}") from problem


def _said(problem: BaseException) -> str:
    """The last cause, in one line: the SDK wraps errors several times."""
    explanation = getattr(problem, "explanation", None)
    if explanation:
        return str(explanation).strip()
    found = re.findall(r"(?:Error|Refused\w*)\(\d+, '([^']+)'\)", str(problem))
    return str(found[-1]) if found else str(problem).strip().splitlines()[-1] if str(problem).strip() else "no reason"


def _find(client: DockerClient, name: str) -> Any:
    from docker.errors import ImageNotFound

    try:
        return client.images.get(name)
    except ImageNotFound:
        return None


def _base_id(client: DockerClient, base: str) -> str:
    image = _find(client, base)
    if image is None:
        raise ReleaseError(
            f"the engine has no image '{base}', and no registry is asked for it",
            hint="load it first (docker load -i FILE, docker import FILE NAME), or use --rootfs FILE",
        )
    return str(image.id)


def _rootfs_id(rootfs: Path | None) -> str:
    """What tells a root file system from another: the hash of its file."""
    import hashlib

    assert rootfs is not None
    if not rootfs.name.endswith(_ROOTFS_SUFFIXES):
        raise ReleaseError(
            "a root file system must be a tar archive", where=rootfs, hint=f"known: {', '.join(_ROOTFS_SUFFIXES)}"
        )
    try:
        with rootfs.open("rb") as stream:
            return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as problem:
        raise ReleaseError(f"the root file system cannot be read: {problem.strerror}", where=rootfs) from problem


def _rootfs_name(rootfs: Path | None) -> str | None:
    """The name it has in the build: nothing of an operator's own file name goes into a Dockerfile."""
    if rootfs is None:
        return None
    return "rootfs" + next(suffix for suffix in reversed(_ROOTFS_SUFFIXES) if rootfs.name.endswith(suffix))


def _build(
    client: DockerClient,
    text: str,
    package: AgentPackage,
    rootfs: Path | None,
    tag: str,
    labels: Mapping[str, str],
) -> Any:
    """Build, and return the image; what was built before under the tag stays without a name."""
    with tempfile.TemporaryFile() as context:
        with tarfile.open(fileobj=context, mode="w") as archive:
            _add(archive, "Dockerfile", text.encode(), 0o644)
            _add(archive, _PACKAGE, package.path.read_bytes(), 0o755)
            if rootfs is not None:
                name = _rootfs_name(rootfs)
                assert name is not None
                archive.add(rootfs, arcname=name)
        context.seek(0)
        said: list[str] = []
        stream = client.api.build(
            fileobj=context,
            custom_context=True,
            tag=tag,
            labels=dict(labels),
            rm=True,
            forcerm=True,
            pull=False,
            network_mode="none",
            decode=True,
        )
        for message in stream:
            if "error" in message:
                reason = next((line for line in reversed(said) if line and not line.startswith("---")), "")
                raise ReleaseError(
                    f"the image cannot be built: {str(message['error']).strip()}",
                    hint=f"it said: {reason}" if reason else None,
                )
            said.append(str(message.get("stream", "")).strip())
    return client.images.get(tag)


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


@contextlib.contextmanager
def _written(raw: IO[bytes], output: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    if not output.name.endswith((".gz", ".tgz")):
        yield raw
        return
    with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed:
        yield packed


def _member(archive: tarfile.TarFile, name: str, *, optional: bool = False) -> Any:
    try:
        stream = archive.extractfile(name)
    except KeyError:
        if optional:
            return None
        raise ReleaseError("this is no saved image", where=archive.name, hint=_MAKE) from None
    if stream is None:
        raise ReleaseError("this is no saved image", where=archive.name, hint=_MAKE)
    return json.loads(stream.read(_COPY * 4))
