"""Archives from elsewhere: nothing in them is written outside of the folder that they are unpacked into."""

from __future__ import annotations

import contextlib
import os
import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from stella_ops.errors import GalaxyError
from stella_ops.galaxy.manifest import FILES, MANIFEST, Manifest, digest, inside, parse

_ROLE_FILES = ("meta/main.yml", "meta/main.yaml")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tarfile.TarFile]:
    """A tar archive.

    Raises:
        GalaxyError: it is none, or it cannot be read.
    """
    try:
        with tarfile.open(path, "r:*") as archive:
            yield archive
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as problem:
        raise GalaxyError(f"the archive cannot be read: {problem}", where=path) from None


def manifest_of(path: Path) -> Manifest:
    """What the archive of a collection says of itself.

    Raises:
        GalaxyError: it is no archive of a collection.
    """
    with opened(path) as archive:
        return _manifest(archive, path)


def _manifest(archive: tarfile.TarFile, path: Path) -> Manifest:
    return parse(_content(archive, MANIFEST, path), _content(archive, FILES, path), path)


def _content(archive: tarfile.TarFile, name: str, path: Path) -> bytes:
    for each in (name, f"./{name}"):
        with contextlib.suppress(KeyError):
            file = archive.extractfile(archive.getmember(each))
            if file is not None:
                return file.read()
    raise GalaxyError(f"the archive has no {name}: it is not that of a collection", where=path)


def unpack_collection(path: Path, into: Path) -> Manifest:
    """Unpack a collection into an empty folder: what its manifest lists, each file with the checksum given there.

    Raises:
        GalaxyError: something is missing, is not what the manifest says, or would lie elsewhere.
    """
    with opened(path) as archive:
        manifest = _manifest(archive, path)
        members = {posixpath.normpath(member.name): member for member in archive.getmembers()}
        for name in (MANIFEST, FILES):
            _write(name, _content(archive, name, path), 0o644, into, path)
        for entry in manifest.files:
            if entry.name == ".":
                continue
            member = members.get(posixpath.normpath(entry.name))
            if member is None:
                raise GalaxyError(f"the archive lacks '{entry.name}', which {FILES} lists", where=path)
            if member.issym():
                _link(posixpath.normpath(entry.name), member.linkname, into, path)
            elif entry.digest is None:
                _folder(entry.name, into, path)
            else:
                _checked(archive, member, entry.name, entry.digest, into, path)
        return manifest


def _checked(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, wanted: str, into: Path, path: Path) -> None:
    content = _read(archive, member, path)
    if digest(content) != wanted:
        raise GalaxyError(f"'{name}' is not the file that {FILES} lists: its checksum differs", where=path)
    _write(name, content, member.mode, into, path)


def unpack_role(path: Path, into: Path) -> None:
    """Unpack a role into an empty folder: what stands beside the outermost ``meta/main.yml``.

    Raises:
        GalaxyError: there is no role in it, or something would lie elsewhere.
    """
    with opened(path) as archive:
        members = archive.getmembers()
        names = sorted((posixpath.normpath(member.name) for member in members), key=lambda name: name.count("/"))
        found = next((name for name in names if name.endswith(_ROLE_FILES)), None)
        if found is None:
            raise GalaxyError("this role does not appear to have a meta/main.yml file.", where=path)
        top = PurePosixPath(found).parent.parent
        for member in members:
            name = posixpath.normpath(member.name)
            if not inside(name):
                raise GalaxyError(f"the archive names a path that leads out of it: {member.name!r}", where=path)
            if not PurePosixPath(name).is_relative_to(top):
                continue
            relative = str(PurePosixPath(name).relative_to(top))
            if relative == ".":
                continue
            if member.isdir():
                _folder(relative, into, path)
            elif member.issym() or member.islnk():
                if member.islnk():
                    raise GalaxyError(f"the archive has a hard link, which no role needs: {relative}", where=path)
                _link(relative, member.linkname, into, path)
            elif member.isreg():
                _write(relative, _read(archive, member, path), member.mode, into, path)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bytes:
    file = archive.extractfile(member) if member.isreg() else None
    if file is None:
        raise GalaxyError(f"'{member.name}' in the archive is no file", where=path)
    return file.read()


def _write(name: str, content: bytes, mode: int, into: Path, path: Path) -> None:
    target = into / name
    with _told(target):
        _parent(target, into, path)
        with open(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(content)
        target.chmod(0o755 if mode & 0o100 else 0o644)


def _link(name: str, leads_to: str, into: Path, path: Path) -> None:
    place = into / name
    leads = os.path.normpath(place.parent / leads_to)
    if leads_to.startswith("/") or not Path(leads).is_relative_to(into):
        raise GalaxyError(f"the link '{name}' in the archive leads out of it", where=path)
    with _told(place):
        _parent(place, into, path)
        place.symlink_to(leads_to)
        if not place.resolve().is_relative_to(into.resolve()):
            raise GalaxyError(f"the link '{name}' in the archive leads out of it", where=path)


def _folder(name: str, into: Path, path: Path) -> None:
    with _told(into / name):
        _parent(into / name / "x", into, path)


def _parent(target: Path, into: Path, path: Path) -> None:
    """Make the folder of a file, which links that were unpacked before must not lead out."""
    here = into
    for part in target.relative_to(into).parts[:-1]:
        here = here / part
        if not here.resolve().is_relative_to(into.resolve()):
            raise GalaxyError(f"links in the archive lead out of it: {target.relative_to(into)}", where=path)
        here.mkdir(mode=0o755, exist_ok=True)


@contextlib.contextmanager
def _told(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as problem:  # a circle of links is a RuntimeError
        raise GalaxyError(f"cannot be written: {getattr(problem, 'strerror', problem)}", where=target) from None


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A new folder that takes the place of another at the end of the block; nothing is changed by an exception.

    Raises:
        GalaxyError: it cannot be put there.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.{os.urandom(6).hex()}")
        fresh.mkdir(mode=0o755)
    except OSError as problem:
        raise GalaxyError(f"cannot be written: {problem.strerror}", where=target.parent) from None
    old = fresh.with_name(f"{fresh.name}.old")
    try:
        yield fresh
        try:
            if target.is_symlink():
                target.unlink()
            elif target.exists():
                target.rename(old)
            fresh.rename(target)
        except OSError as problem:
            if old.exists() and not target.exists():
                old.rename(target)
            raise GalaxyError(f"cannot be written: {problem.strerror}", where=target) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
