"""Makes an archive of a collection's folder (``galaxy collection build``), and lists what belongs into it."""

from __future__ import annotations

import fnmatch
import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from stella_ops import atomic_files
from stella_ops.errors import GalaxyError
from stella_ops.galaxy.manifest import FILES, MANIFEST, Entry, digest, info_of, read_galaxy_yml, written

# What is made from the folder, or by tools that work in it.
_IGNORED = ("MANIFEST.json", "FILES.json", "galaxy.yml", "galaxy.yaml", ".git", "*.pyc", "*.retry", "tests/output",
            "__pycache__")  # fmt: skip


def entries_of(folder: Path, ignored: Sequence[str] = (), own_archives: str = "") -> Iterator[tuple[Entry, Path]]:
    """The files and folders that belong to a collection, sorted, with their places.

    Args:
        ignored: patterns of paths within the folder that do not (``build_ignore``).
        own_archives: ``namespace-name``, of whose archives in the folder none belongs into another.

    Raises:
        GalaxyError: a file cannot be read, or a link leads out of the folder.
    """
    patterns = [*_IGNORED, *ignored, *([f"{own_archives}-*.tar.gz"] if own_archives else [])]
    top = folder.resolve()
    yield Entry(".", None), folder

    def walk(place: Path, prefix: str) -> Iterator[tuple[Entry, Path]]:
        for path in sorted(place.iterdir()):
            name = f"{prefix}{path.name}"
            if any(fnmatch.fnmatch(name, each) or fnmatch.fnmatch(path.name, each) for each in patterns):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(top):
                if path.is_dir():
                    continue  # as ansible-core passes over them
                raise GalaxyError("a link that leads out of the collection cannot be part of it", where=path)
            if path.is_dir() and not path.is_symlink():
                yield Entry(name, None), path
                yield from walk(path, f"{name}/")
            elif path.is_dir():
                yield Entry(name, None), path
            elif path.is_file():
                yield Entry(name, digest(path.read_bytes())), path

    try:
        yield from walk(folder, "")
    except OSError as problem:
        raise GalaxyError(f"cannot be read: {problem.strerror}", where=problem.filename or folder) from None


def build(folder: Path, into: Path, *, force: bool = False) -> Path:
    """Make the archive ``NAMESPACE-NAME-VERSION.tar.gz``; its path.

    Args:
        into: the folder for it.
        force: one that is there is replaced.

    Raises:
        GalaxyError: the folder is no collection, or the archive cannot be written.
    """
    galaxy = read_galaxy_yml(folder)
    if not (folder / str(galaxy["readme"])).is_file():
        raise GalaxyError(f"there is no '{galaxy['readme']}', which galaxy.yml names as its readme", where=folder)
    title = f"{galaxy['namespace']}-{galaxy['name']}"
    target = into.absolute() / f"{title}-{galaxy['version']}.tar.gz"
    if target.is_dir():
        raise GalaxyError("the archive's path is a folder", where=target)
    if target.exists() and not force:
        raise GalaxyError(
            f"the file '{target}' already exists. You can use --force to re-create the collection artifact."
        )
    found = list(entries_of(folder, galaxy["build_ignore"], title))
    manifest, files = written(info_of(galaxy), [entry for entry, _ in found])
    try:
        into.mkdir(parents=True, exist_ok=True)
        with (
            atomic_files.replacing(target, mode=0o644) as file,
            tarfile.open(fileobj=file, mode="w:gz") as archive,
        ):
            for name, content in ((MANIFEST, manifest), (FILES, files)):
                about = tarfile.TarInfo(name)
                about.size, about.mode = len(content), 0o644
                archive.addfile(about, io.BytesIO(content))
            for entry, path in found:
                if entry.name != ".":
                    _add(archive, entry, path)
    except OSError as problem:
        raise GalaxyError(f"the archive cannot be written: {problem.strerror}", where=target) from None
    return target


def _add(archive: tarfile.TarFile, entry: Entry, path: Path) -> None:
    about = archive.gettarinfo(path, entry.name)
    about.uid = about.gid = 0
    about.uname = about.gname = ""
    executable = about.mode & 0o100 or about.isdir()
    about.mode = 0o755 if executable else 0o644
    if (about.issym() and not about.linkname.startswith("/")) or about.isdir():
        archive.addfile(about)
    else:
        content = path.read_bytes()
        about.type, about.size, about.linkname = tarfile.REGTYPE, len(content), ""
        archive.addfile(about, io.BytesIO(content))
