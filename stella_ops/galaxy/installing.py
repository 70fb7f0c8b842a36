"""Puts collections and roles where playbooks find them.

Each is unpacked beside its place and switched in whole: what is interrupted, or turns out wrong, leaves what was there.
"""

from __future__ import annotations

import datetime
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from stella_ops import atomic_files
from stella_ops.collections.installed import Collections
from stella_ops.collections.runtime import load_plain
from stella_ops.errors import GalaxyError
from stella_ops.galaxy.archive import manifest_of, replacing, unpack_collection, unpack_role
from stella_ops.galaxy.building import entries_of
from stella_ops.galaxy.manifest import FILES, MANIFEST, check_name, info_of, read_galaxy_yml, written
from stella_ops.galaxy.requirements import Wanted
from stella_ops.galaxy.sources import ServerNeeded, fetch

Tell = Callable[[str], None]
_INSTALL_INFO = "meta/.galaxy_install_info"
_NOTHING = (
    "Nothing to do. All requested collections are already installed. If you want to reinstall them, consider using "
    "`--force`."
)
_ANY = ("*", "", "latest")


class _Candidate(NamedTuple):
    """A collection that was fetched: an archive, or its folder."""

    name: str
    version: str
    dependencies: Mapping[str, str]
    place: Path
    asked: bool = True


class Choices(NamedTuple):
    """How to install.

    Attributes:
        force: what is there already is replaced.
        no_deps: what it depends on is not looked for.
        upgrade: one that is there is replaced by another version.
        ignore_errors: what fails is told, and the rest goes on.
        keep_scm_meta: a role keeps its ``.git``.
        check: nothing is written.
    """

    force: bool = False
    no_deps: bool = False
    upgrade: bool = False
    ignore_errors: bool = False
    keep_scm_meta: bool = False
    check: bool = False


@contextmanager
def _work() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="stella-galaxy-") as folder:
        yield Path(folder)


def install_collections(
    wanted: Sequence[Wanted], root: Path, known: Collections, choices: Choices, tell: Tell, warn: Tell
) -> int:
    """Install collections below ``root/ansible_collections``; how many failed.

    Args:
        known: what is installed, of which dependencies may be met.
        tell: progress, in the words of ansible-galaxy.
        warn: told of what failed under ``ignore_errors``.

    Raises:
        GalaxyError: one cannot be fetched or installed, or what it depends on is nowhere.
    """
    failed = 0
    tell("Starting galaxy collection install process")
    left = [each for each in wanted if not _is_there(each, root, choices)]
    if not left:
        tell(_NOTHING)
        return 0
    with _work() as work:
        found: list[_Candidate] = []
        for number, each in enumerate(left):
            own = work / str(number)
            own.mkdir()
            try:
                found += _candidates(each, fetch(each, own))
            except ServerNeeded:
                raise
            except GalaxyError as problem:
                if not choices.ignore_errors:
                    raise
                warn(f"{each.source} was not installed: {problem}")
                failed += 1
        fresh = [each for each in found if choices.force or _installed(each.name, root) != each.version]
        if not fresh:
            if not failed:
                tell(_NOTHING)
            return failed
        tell("Process install dependency map")
        if not choices.no_deps:
            _check_dependencies(fresh, known)
        tell("Starting collection install process")
        for candidate in _in_order(fresh):
            _put(candidate, root, choices, tell)
    return failed


def _is_there(wanted: Wanted, root: Path, choices: Choices) -> bool:
    """Whether one that only a server has is installed, so that nobody needs to be asked."""
    if wanted.kind != "galaxy" or choices.force or choices.upgrade:
        return False
    version = _installed(wanted.source, root)
    return version is not None and _fits(version, wanted.version or "*", wanted.source)


def _installed(name: str, root: Path) -> str | None:
    folder = root / "ansible_collections" / name.replace(".", "/")
    if not folder.is_dir():
        return None
    info = (load_plain(folder / MANIFEST) or {}).get("collection_info") or load_plain(folder / "galaxy.yml") or {}
    return str(info.get("version")) if isinstance(info, Mapping) else None


def _candidates(wanted: Wanted, place: Path) -> Iterator[_Candidate]:
    if place.is_file():
        manifest = manifest_of(place)
        yield _Candidate(manifest.name, manifest.version, manifest.dependencies, place)
        return
    folders = [place]
    if not _is_collection(place):
        folders = [each for each in sorted(place.iterdir()) if _is_collection(each)]
    if not folders:
        raise GalaxyError(
            f"neither {place} nor a folder in it is a collection",
            hint="a collection's folder has a galaxy.yml; of a repository name it: git+ADDRESS#/FOLDER",
        )
    for folder in folders:
        if (folder / "galaxy.yml").is_file():
            info = info_of(read_galaxy_yml(folder))
        else:
            info = dict((load_plain(folder / MANIFEST) or {}).get("collection_info") or {})
            check_name(info, MANIFEST, folder)
        depends = {str(key): str(value) for key, value in (info.get("dependencies") or {}).items()}
        yield _Candidate(f"{info['namespace']}.{info['name']}", str(info["version"]), depends, folder)


def _is_collection(place: Path) -> bool:
    return (place / "galaxy.yml").is_file() or (place / MANIFEST).is_file()


def _check_dependencies(found: Iterable[_Candidate], known: Collections) -> None:
    versions = {each.name: each.version for each in found}
    for each in found:
        for name, wanted in each.dependencies.items():
            there = known.get(name)
            version = versions.get(name) or (there.version() if there is not None else None)
            if version is None and there is None:
                raise ServerNeeded(
                    f"{each.name}:{each.version} depends on {name}:{wanted}, which is not installed",
                    hint="name its archive, folder or repository too, or leave it out with --no-deps",
                )
            if version is not None and not _fits(version, wanted, each.name):
                raise GalaxyError(
                    f"{each.name}:{each.version} depends on {name}:{wanted}, and there is {version}",
                    hint="name another of them, or pass it over with --no-deps",
                )


def _fits(version: str, wanted: str, name: str) -> bool:
    if wanted.strip() in _ANY:
        return True
    text = ",".join(part.strip() if part.strip()[:1] in "<>=!" else f"=={part.strip()}" for part in wanted.split(","))
    try:
        return SpecifierSet(text.replace("===", "==")).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return wanted.strip() == version
    except InvalidSpecifier:
        raise GalaxyError(f"'{wanted}' is no version, which {name} asks for", hint='as in ">=1.0.0,<2.0.0"') from None


def _in_order(found: Sequence[_Candidate]) -> list[_Candidate]:
    """What others depend on comes first."""
    by_name = {each.name: each for each in found}
    made: dict[str, _Candidate] = {}

    def take(each: _Candidate, above: tuple[str, ...]) -> None:
        for name in each.dependencies:
            if name in by_name and name not in above:
                take(by_name[name], (*above, each.name))
        made.setdefault(each.name, each)

    for each in found:
        take(each, ())
    return list(made.values())


def _put(candidate: _Candidate, root: Path, choices: Choices, tell: Tell) -> None:
    target = root / "ansible_collections" / candidate.name.replace(".", "/")
    tell(f"Installing '{candidate.name}:{candidate.version}' to '{target}'")
    if choices.check:
        return
    with replacing(target) as fresh:
        if candidate.place.is_file():
            unpack_collection(candidate.place, fresh)
        else:
            _copy(candidate.place, fresh)
            tell(f"Created collection for {candidate.name}:{candidate.version} at {target}")
    tell(f"{candidate.name}:{candidate.version} was installed successfully")


def _copy(folder: Path, into: Path) -> None:
    """A collection's folder as its archive would be unpacked."""
    if not (folder / "galaxy.yml").is_file():
        shutil.copytree(folder, into, symlinks=True, dirs_exist_ok=True)
        return
    galaxy = read_galaxy_yml(folder)
    found = list(entries_of(folder, galaxy["build_ignore"], f"{galaxy['namespace']}-{galaxy['name']}"))
    for entry, path in found:
        place = into / entry.name
        if entry.digest is None:
            place.mkdir(mode=0o755, parents=True, exist_ok=True)
        else:
            shutil.copyfile(path, place)
            place.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    manifest, files = written(info_of(galaxy), [entry for entry, _ in found])
    (into / MANIFEST).write_bytes(manifest)
    (into / FILES).write_bytes(files)


def install_roles(
    wanted: Sequence[Wanted], folder: Path, known: Sequence[Path], choices: Choices, tell: Tell, warn: Tell
) -> int:
    """Install roles into a folder, with the roles that their ``meta`` names by a source; how many failed.

    Args:
        known: folders of roles, of which dependencies may be met.

    Raises:
        GalaxyError: one cannot be fetched or installed, without ``ignore_errors``.
    """
    tell("Starting galaxy role install process")
    failed, waiting, seen = 0, list(wanted), set[str]()
    while waiting:
        each = waiting.pop(0)
        name = str(each.name or each.source)
        if name in seen:
            continue
        seen.add(name)
        target = folder / name
        if "/" in name or name in ("", ".", ".."):
            raise GalaxyError(f"'{name}' cannot be the name of a role", hint="say another: SOURCE,VERSION,NAME")
        there = _role_version(target)
        if target.is_dir() and not choices.force:
            if each.version is not None and there != each.version:
                warn(f"- {name} ({there}) is already installed - use --force to change version to {each.version}")
            else:
                tell(f"- {name}{_version(there)} is already installed, skipping.")
        else:
            try:
                _put_role(each, name, target, choices, tell)
            except ServerNeeded:
                raise
            except GalaxyError as problem:
                warn(f"- {name} was NOT installed successfully: {problem}")
                failed += 1
                if not choices.ignore_errors:
                    raise GalaxyError(
                        "- you can use --ignore-errors to skip failed roles and finish processing the list."
                    ) from None
                continue
        if not choices.no_deps and not choices.check:
            waiting += [dependency for dependency in _dependencies(target, (folder, *known)) if dependency]
    return failed


def _put_role(wanted: Wanted, name: str, target: Path, choices: Choices, tell: Tell) -> None:
    with _work() as work:
        place = fetch(wanted, work)
        tell(f"- extracting {name} to {target}")
        if choices.check:
            return
        with replacing(target) as fresh:
            if place.is_file():
                unpack_role(place, fresh)
            elif (place / "meta" / "main.yml").is_file() or (place / "meta" / "main.yaml").is_file():
                left_out = None if choices.keep_scm_meta else shutil.ignore_patterns(".git")
                shutil.copytree(place, fresh, symlinks=True, dirs_exist_ok=True, ignore=left_out)
            else:
                raise GalaxyError("this role does not appear to have a meta/main.yml file.")
            now = datetime.datetime.now(datetime.UTC).strftime("%a %b %d %H:%M:%S %Y")
            if (fresh / "meta").is_symlink():
                raise GalaxyError("its folder 'meta' is a link, into which nothing is written")
            text = yaml.safe_dump({"install_date": now, "version": wanted.version or ""})
            atomic_files.write(fresh / _INSTALL_INFO, text, mode=0o644)
    tell(f"- {name}{_version(wanted.version)} was installed successfully")


def _version(version: str | None) -> str:
    return f" ({version})" if version else ""


def _role_version(target: Path) -> str | None:
    found = (load_plain(target / _INSTALL_INFO) or {}).get("version")
    return str(found) if found else None


def _dependencies(target: Path, folders: Sequence[Path]) -> Iterator[Wanted | None]:
    """The roles that a role's ``meta/requirements.yml``, else its dependencies, name by a source, and are nowhere."""
    from stella_ops.galaxy.requirements import read_requirements, wanted_role

    for name in ("requirements.yml", "requirements.yaml"):
        path = target / "meta" / name
        if path.is_file():
            yield from read_requirements(path).roles
            return
    meta = load_plain(target / "meta" / "main.yml") or load_plain(target / "meta" / "main.yaml") or {}
    for said in meta.get("dependencies") or []:
        source = said.get("src") if isinstance(said, Mapping) else None
        if isinstance(source, str):
            found = wanted_role(source)
            yield found._replace(version=said.get("version") or found.version, name=said.get("name") or found.name)
            continue
        named = said if isinstance(said, str) else said.get("role") or said.get("name") if said else None
        if isinstance(named, str) and not any((folder / named.partition(",")[0]).is_dir() for folder in folders):
            found = wanted_role(named)
            if found.kind != "galaxy":
                yield found


def remove_role(name: str, folders: Sequence[Path]) -> bool:
    """Remove an installed role; whether there was one.

    Raises:
        GalaxyError: it cannot be removed, or nobody installed it: it has no ``meta/.galaxy_install_info``.
    """
    if "/" in name or name in ("", ".", ".."):
        raise GalaxyError(f"'{name}' is no name of a role")
    for folder in folders:
        target = folder / name
        if not target.is_dir():
            continue
        if not (target / _INSTALL_INFO).is_file():
            raise GalaxyError(
                f"failed to remove role {name}: it was not installed from elsewhere",
                where=target,
                hint="delete its folder yourself if it is to go",
            )
        try:
            shutil.rmtree(target)
        except OSError as problem:
            raise GalaxyError(f"failed to remove role {name}: {problem.strerror}", where=target) from None
        return True
    return False
