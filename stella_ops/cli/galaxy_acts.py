"""``stella-ops galaxy``: what builds, installs, verifies and removes collections and roles."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stella_ops.cli.ansible_programs import AnsibleCommand
from stella_ops.errors import OptionsError, StellaError, UsageError

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings
    from stella_ops.collections.installed import Collections
    from stella_ops.galaxy.installing import Choices
    from stella_ops.galaxy.requirements import Wanted

# What asks servers, which nothing here does: taken, and passed over.
_OF_SERVERS = (
    *(("-s", "--server"), ("--token", "--api-key"), ("--timeout",), ("--keyring",), ("--signature",)),
    *(("--required-valid-signature-count",), ("--ignore-signature-status-code",)),
)
_FLAGS_OF_SERVERS = (
    *(("-c", "--ignore-certs"), ("--clear-response-cache",), ("--no-cache",), ("--pre",), ("--disable-gpg-verify",)),
    ("--offline",),
)


def install_options(command: Callable[..., int]) -> Callable[..., int]:
    """The options that installing has, of collections and of roles."""
    for option in (
        click.option("-r", "--requirements-file", "--role-file", "file", metavar="FILE", help="What to install."),
        click.option("-f", "--force", is_flag=True, help="Replace what is there already."),
        click.option("--force-with-deps", is_flag=True, help="The same, and what it depends on."),
        click.option("-i", "--ignore-errors", is_flag=True, help="Go on with the next where one fails."),
        click.option("-n", "--no-deps", is_flag=True, help="Leave alone what they depend on."),
        click.option("-C", "--check", is_flag=True, help="Say what would be installed, and write nothing."),
        click.option("-v", "--verbose", count=True, hidden=True, expose_value=False),
        *(click.option(*names, hidden=True, expose_value=False) for names in _OF_SERVERS),
        *(click.option(*names, is_flag=True, hidden=True, expose_value=False) for names in _FLAGS_OF_SERVERS),
    ):
        command = option(command)
    return command


def _choices(how: Mapping[str, bool], **more: bool) -> Choices:
    """What the options of ``install_options`` say, and some besides."""
    from stella_ops.galaxy.installing import Choices

    return Choices(
        force=how["force"] or how["force_with_deps"],
        no_deps=how["no_deps"],
        ignore_errors=how["ignore_errors"],
        check=how["check"],
        **more,
    )


@click.command("install", cls=AnsibleCommand)
@click.argument("names", nargs=-1, metavar="COLLECTION...")
@click.option("-p", "--collections-path", "place", metavar="FOLDER", help="Where they go; collections_path by default.")
@click.option("-U", "--upgrade", is_flag=True, help="Replace other versions.")
@install_options
def collection_install(names: tuple[str, ...], place: str | None, upgrade: bool, file: str | None, **how: bool) -> int:
    """Install collections from archives, folders, git repositories and addresses.

    \b
    Examples:
      stella-ops galaxy collection install acme-tools-1.0.0.tar.gz
      stella-ops galaxy collection install ./acme/tools -p collections
      stella-ops galaxy collection install git+https://example.org/acme.tools.git,v1.0.0
      stella-ops galaxy collection install -r requirements.yml

    Galaxy servers are not asked.
    """
    from stella_ops.galaxy.requirements import read_requirements, wanted_collection

    if file and names:
        raise OptionsError("The positional collection_name arg and --requirements-file are mutually exclusive.")
    if not file and not names:
        raise OptionsError("You must specify a collection name or a requirements file.")
    wanted = read_requirements(Path(file).expanduser()).collections if file else [*map(wanted_collection, names)]
    return install_those([], wanted, _choices(how, upgrade=upgrade), collections_place=place, of_file=file)


@click.command("install", cls=AnsibleCommand)
@click.argument("names", nargs=-1, metavar="ROLE...")
@click.option("-p", "--roles-path", "place", metavar="FOLDER", help="Where they go; roles_path by default.")
@click.option("-g", "--keep-scm-meta", is_flag=True, help="Keep the .git of a repository.")
@install_options
@click.pass_context
def role_install(
    context: click.Context,
    /,
    names: tuple[str, ...],
    place: str | None,
    keep_scm_meta: bool,
    file: str | None,
    **how: bool,
) -> int:
    """Install roles from archives, folders, git repositories and addresses: SOURCE[,VERSION[,NAME]].

    \b
    Examples:
      stella-ops galaxy role install git+https://example.org/web.git,v2,web -p roles
      stella-ops galaxy role install web.tar.gz
      stella-ops galaxy install -r requirements.yml      its roles and collections

    Galaxy servers are not asked.
    """
    from stella_ops.galaxy.requirements import read_requirements, wanted_role

    if not file and not names:
        raise OptionsError("- you must specify a user/role name or a roles file")
    choices = _choices(how, keep_scm_meta=keep_scm_meta)
    if file is None:
        return install_those([*map(wanted_role, names)], [], choices, roles_place=place)
    if not file.endswith((".yml", ".yaml")):
        raise UsageError("Invalid role requirements file, it must end with a .yml or .yaml extension")
    found = read_requirements(Path(file).expanduser())
    collections = found.collections
    of_roles_alone = context.parent is not None and context.parent.info_name == "role"
    if collections and (of_roles_alone or place is not None):
        from stella_ops.cli.tolerance import warn

        warn(
            f"The requirements file '{Path(file).absolute()}' contains collections which will be ignored. To install "
            "these collections run 'ansible-galaxy collection install -r' or to install both at the same time run "
            "'ansible-galaxy install -r' without a custom install path."
        )
        collections = []
    return install_those(found.roles, collections, choices, roles_place=place, of_file=file)


def install_those(
    roles: list[Wanted],
    collections: list[Wanted],
    choices: Choices,
    *,
    roles_place: str | None = None,
    collections_place: str | None = None,
    of_file: str | None = None,
) -> int:
    """Install roles, then collections; under ansible-core's name what needs a server is left to its own program."""
    from stella_ops.ansible_settings.reading import read_ansible_settings
    from stella_ops.cli.galaxy import leave_to_another
    from stella_ops.cli.tolerance import warn
    from stella_ops.galaxy.installing import install_collections, install_roles
    from stella_ops.galaxy.sources import ServerNeeded

    settings = read_ansible_settings(os.environ, Path.cwd())
    if any(each.kind == "galaxy" for each in (*roles, *collections)):
        leave_to_another()
    if not roles and not collections:
        raise UsageError(f"No requirements found in file '{of_file}'")
    failed = 0
    try:
        if roles:
            known = _roles_path(settings)
            folder = Path(roles_place).expanduser().absolute() if roles_place else known[0]
            failed += install_roles(roles, folder, known, choices, click.echo, warn)
        if collections:
            root, installed = _collections_root(settings, collections_place, warn)
            failed += install_collections(collections, root, installed, choices, click.echo, warn)
    except ServerNeeded:
        leave_to_another()
        raise
    return 0 if not failed or choices.ignore_errors else 1


def _roles_path(settings: AnsibleSettings) -> list[Path]:
    from stella_ops.ansible_settings.defaults import default_of

    named = settings.choose("DEFAULT_ROLES_PATH", default=())
    return [Path(each).expanduser().absolute() for each in (named or default_of("DEFAULT_ROLES_PATH"))]


def _collections_root(
    settings: AnsibleSettings, place: str | None, warn: Callable[[str], None]
) -> tuple[Path, Collections]:
    from stella_ops.collections.installed import Collections, configured_folders

    configured = [Path(each).expanduser().absolute() for each in settings.choose("COLLECTIONS_PATHS") or ()]
    configured = configured or configured_folders(os.environ)
    root = Path(place).expanduser().absolute() if place else configured[0]
    root = root.parent if root.name == "ansible_collections" else root
    if place and root not in configured and root.parent / "collections" != root:
        warn(
            f"The specified collections path '{root}' is not part of the configured Ansible collections paths "
            f"'{':'.join(map(str, configured))}'. The installed collection will not be picked up in an Ansible run, "
            "unless within a playbook-adjacent collections directory."
        )
    return root, Collections(configured=[root, *configured], mismatch="ignore")


@click.command("build", cls=AnsibleCommand)
@click.argument("folders", nargs=-1, metavar="[FOLDER...]")
@click.option("--output-path", "into", default=".", metavar="FOLDER", help="Where the archive goes.")
@click.option("-f", "--force", is_flag=True, help="Replace an archive that is there already.")
@click.option("-v", "--verbose", count=True, hidden=True)
def collection_build(folders: tuple[str, ...], into: str, force: bool, verbose: int) -> int:
    """Make archives of collections' folders, with checksums of all their files."""
    from stella_ops.galaxy.building import build
    from stella_ops.galaxy.manifest import read_galaxy_yml

    for folder in folders or (".",):
        place = Path(folder).expanduser().absolute()
        made = build(place, Path(into).expanduser(), force=force)
        said = read_galaxy_yml(place)
        click.echo(f"Created collection for {said['namespace']}.{said['name']} at {made}")
    return 0


@click.command("init", cls=AnsibleCommand)
@click.argument("name")
@click.option("--init-path", "into", default=".", metavar="FOLDER", help="Where it goes.")
@click.option("-f", "--force", is_flag=True, help="Write its files anew where it is there already.")
@click.option("-v", "--verbose", count=True, hidden=True)
def collection_init(name: str, into: str, force: bool, verbose: int) -> int:
    """Make a new collection to begin with."""
    from stella_ops.galaxy.skeletons import new_collection

    new_collection(name, Path(into).expanduser(), force=force)
    click.echo(f"- Collection {name} was created successfully")
    return 0


@click.command("init", cls=AnsibleCommand)
@click.argument("name")
@click.option("--init-path", "into", default=".", metavar="FOLDER", help="Where it goes.")
@click.option("-f", "--force", is_flag=True, help="Write its files anew where it is there already.")
@click.option("--offline", is_flag=True, hidden=True)
@click.option("-v", "--verbose", count=True, hidden=True)
def role_init(name: str, into: str, force: bool, offline: bool, verbose: int) -> int:
    """Make a new role to begin with."""
    from stella_ops.galaxy.skeletons import new_role

    new_role(name, Path(into).expanduser(), force=force)
    click.echo(f"- Role {name} was created successfully")
    return 0


@click.command("verify", cls=AnsibleCommand)
@click.argument("names", nargs=-1, metavar="COLLECTION...")
@click.option("-p", "--collections-path", "place", metavar="FOLDER", help="Look there first.")
@click.option("-r", "--requirements-file", "file", metavar="FILE", help="Those of a file.")
@click.option("--offline", is_flag=True, help="As always: Galaxy servers are not asked.")
@click.option("-i", "--ignore-errors", is_flag=True, help="Go on with the next where one fails.")
@click.option("-v", "--verbose", count=True, hidden=True)
def collection_verify(
    names: tuple[str, ...], place: str | None, file: str | None, offline: bool, ignore_errors: bool, verbose: int
) -> int:
    """Compare the files of installed collections with what they were when they were installed."""
    from stella_ops.ansible_settings.reading import read_ansible_settings
    from stella_ops.cli.galaxy import leave_to_another
    from stella_ops.galaxy.requirements import read_requirements

    if not names and not file:
        raise OptionsError("You must specify a collection name or a requirements file.")
    if not offline:
        leave_to_another()
    wanted = list(names) or [each.source for each in read_requirements(Path(str(file)).expanduser()).collections]
    settings = read_ansible_settings(os.environ, Path.cwd())
    _, known = _collections_root(settings, place, lambda _: None)
    bad = 0
    for name in wanted:
        try:
            bad += not _verified(name.partition(":")[0], known)
        except StellaError as problem:
            if not ignore_errors:
                raise
            click.echo(f"[WARNING]: {problem}", err=True)
            bad += 1
    return 1 if bad else 0


def _verified(name: str, known: Collections) -> bool:
    from stella_ops.galaxy.verifying import verify

    found = known.get(name)
    if found is None:
        raise UsageError(f"Collection {name} is not installed in any of the collection paths.")
    verdict = verify(found.folder)
    title = f"{name}:{verdict.manifest.version}"
    click.echo(f"Verifying '{title}'.")
    click.echo(f"Installed collection found at '{found.folder}'")
    click.echo(f"MANIFEST.json hash: {verdict.seal}")
    if not (verdict.changed or verdict.missing or verdict.unknown):
        click.echo(f"Successfully verified that checksums for '{title}' are internally consistent with its manifest.")
        return True
    click.echo(f"Collection {name} contains modified content in the following files:")
    for label, files in (("", verdict.changed), (" (missing)", verdict.missing), (" (not listed)", verdict.unknown)):
        for each in files:
            click.echo(f"    {each}{label}")
    return False


@click.command("remove", cls=AnsibleCommand)
@click.argument("names", nargs=-1, required=True, metavar="ROLE...")
@click.option("-p", "--roles-path", "folders", multiple=True, metavar="FOLDER", help="Look there first.")
@click.option("-v", "--verbose", count=True, hidden=True)
def role_remove(names: tuple[str, ...], folders: tuple[str, ...], verbose: int) -> int:
    """Remove roles that were installed."""
    from stella_ops.galaxy.installing import remove_role

    for name in names:
        there = remove_role(name, _looked_in(folders))
        click.echo(f"- successfully removed {name}" if there else f"- {name} is not installed, skipping.")
    return 0


@click.command("info", cls=AnsibleCommand)
@click.argument("names", nargs=-1, required=True, metavar="ROLE...")
@click.option("-p", "--roles-path", "folders", multiple=True, metavar="FOLDER", help="Look there first.")
@click.option("--offline", is_flag=True, help="As always: Galaxy servers are not asked.")
@click.option("-v", "--verbose", count=True, hidden=True)
def role_info(names: tuple[str, ...], folders: tuple[str, ...], offline: bool, verbose: int) -> int:
    """Show what installed roles say of themselves."""
    import yaml

    from stella_ops.cli.galaxy import leave_to_another
    from stella_ops.collections.runtime import load_plain

    if not offline:
        leave_to_another()
    for name in names:
        place = next((folder / name for folder in _looked_in(folders) if (folder / name).is_dir()), None)
        if place is None:
            click.echo(f"- the role {name} was not found")
            continue
        meta = load_plain(place / "meta" / "main.yml") or load_plain(place / "meta" / "main.yaml") or {}
        installed = load_plain(place / "meta" / ".galaxy_install_info") or {}
        told = {**{key: value for key, value in meta.items() if key != "galaxy_info"}, **installed, "path": str(place)}
        told.update(meta.get("galaxy_info") or {})
        click.echo(f"\nRole: {name}")
        for line in yaml.safe_dump(told, default_flow_style=False, allow_unicode=True).splitlines():
            click.echo(f"\t{line}")
    return 0


def _looked_in(folders: tuple[str, ...]) -> list[Path]:
    from stella_ops.ansible_settings.reading import read_ansible_settings
    from stella_ops.module_folders import split_paths

    named = [path.absolute() for text in folders for path in split_paths(text)]
    return [*named, *_roles_path(read_ansible_settings(os.environ, Path.cwd()))]
