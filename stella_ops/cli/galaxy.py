"""``stella-ops galaxy``: collections and roles, in the forms of ansible-galaxy; here those that list them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from stella_ops.cli.ansible_programs import AnsibleCommand, called_as_ansible
from stella_ops.cli.versions import version_option
from stella_ops.errors import StellaError, UsageError

_UNKNOWN = "(unknown version)"
# What ansible-shims writes has it, and so has the program that a link of such a name leads to.
_OUR_START = b"stella_ops.cli.entry"


class _Group(click.Group):
    """Leaves what is not here to the ansible-galaxy of an ansible-core that is installed as well."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            if args[0] in role.commands:  # roles need not be named
                return super().resolve_command(ctx, ["role", *args])
            leave_to_another()
            asked = " ".join([*(["collection"] if self is collection else ["role"] if self is role else []), args[0]])
            raise UsageError(
                f"ansible-galaxy {asked} is not supported by stella-ops",
                hint="Galaxy servers are not asked: an ansible-core that is installed has it",
            )
        return super().resolve_command(ctx, args)


def leave_to_another() -> None:
    """Under ansible-core's name, do what is asked by the program of an ansible-core that is installed as well."""
    program = _another_galaxy() if called_as_ansible() else None
    if program is not None:
        sys.stdout.flush()
        os.execv(program, [program, *sys.argv[1:]])  # noqa: S606 - the operator's own words, in no shell


def _another_galaxy() -> str | None:
    """The first ``ansible-galaxy`` on the PATH that is not ours."""
    for folder in os.get_exec_path():
        path = Path(folder) / "ansible-galaxy"
        try:
            ours = _OUR_START in path.read_bytes()
        except OSError:
            continue
        if not ours and os.access(path, os.X_OK):
            return str(path)
    return None


@click.group(
    cls=_Group,
    epilog="""\b
Examples:
  stella-ops galaxy install -r requirements.yml
  stella-ops galaxy collection install acme-tools-1.0.0.tar.gz -p collections
  stella-ops galaxy role install git+https://example.org/web.git,v2,web -p roles
  stella-ops galaxy collection init acme.tools && stella-ops galaxy collection build acme/tools
  stella-ops galaxy collection verify acme.tools
  stella-ops galaxy collection list
  stella-ops galaxy collection list community.general --format json
  stella-ops galaxy role list -p roles

\b
Galaxy servers are not asked. Archives come from where there is one: ansible-galaxy collection download.""",
)
@version_option("galaxy")
@click.option("-v", "--verbose", count=True, hidden=True, expose_value=False)
def galaxy() -> None:
    """Build, install, verify and list collections and roles."""


@galaxy.group(cls=_Group)
def collection() -> None:
    """Collections."""


@galaxy.group(cls=_Group)
def role() -> None:
    """Roles."""


@collection.command("list", cls=AnsibleCommand)
@click.argument("name", required=False)
@click.option("-p", "--collections-path", "folders", multiple=True, metavar="PATH", help="Look there as well.")
@click.option("--format", "style", type=click.Choice(["human", "json", "yaml"]), default="human")
@click.option("-v", "--verbose", count=True, hidden=True)
def collection_list(name: str | None, folders: tuple[str, ...], style: str, verbose: int) -> int:
    """Collections by the folder that they are in, with their versions."""
    from stella_ops.ansible_settings.reading import read_ansible_settings
    from stella_ops.cli.collections import print_notices, use_collections
    from stella_ops.collections.installed import Collections
    from stella_ops.module_folders import split_paths

    settings = read_ansible_settings(os.environ, Path.cwd())
    places = [use_collections(settings, [Path.cwd()])]
    for text in folders:
        places.insert(0, Collections(configured=split_paths(text)))
    found: dict[str, dict[str, str | None]] = {}
    for place in places:
        for root, names in place.by_folder(name).items():
            found.setdefault(str(root), names)
    print_notices(settings)
    if name is not None and not found:
        return _not_there("collection", name, [root for place in places for root in place.roots])
    if style == "human":
        for folder, versions in found.items():
            _show_table(folder, versions)
        return 0
    _show(
        {folder: {each: {"version": of or "*"} for each, of in names.items()} for folder, names in found.items()}, style
    )
    return 0


@role.command("list", cls=AnsibleCommand)
@click.argument("name", required=False)
@click.option("-p", "--roles-path", "folders", multiple=True, metavar="PATH", help="Look there as well.")
@click.option("-v", "--verbose", count=True, hidden=True)
def role_list(name: str | None, folders: tuple[str, ...], verbose: int) -> int:
    """Roles by the folder that they are in, with their versions."""
    from stella_ops.ansible_settings.reading import read_ansible_settings
    from stella_ops.cli.workplace import roles_path
    from stella_ops.module_folders import split_paths

    settings = read_ansible_settings(os.environ, Path.cwd())
    named = [path for text in folders for path in split_paths(text)]
    anything = False
    folders_of_roles = list(dict.fromkeys([*named, *roles_path(Path.cwd(), settings)]))
    for folder in folders_of_roles:
        if not folder.is_dir():
            continue
        roles = sorted(path.name for path in folder.iterdir() if _is_role(path) and name in (None, path.name))
        if name is None or roles:
            click.echo(f"# {folder}")
        for each in roles:
            anything = True
            click.echo(f"- {each}, {_role_version(folder / each) or _UNKNOWN}")
    if name is not None and not anything:
        return _not_there("role", name, folders_of_roles)
    return 0


def _not_there(kind: str, name: str, looked: Sequence[Path]) -> int:
    """Tell that what was named is not installed; ansible-galaxy does not fail for that."""
    if called_as_ansible():
        from stella_ops.cli.tolerance import warn

        warn(f"- the {kind} {name} was not found")
        return 0
    raise StellaError(f"the {kind} {name} is not installed", hint=f"looked in {', '.join(map(str, looked))}")


def _is_role(path: Path) -> bool:
    return (path / "meta").is_dir() or (path / "tasks").is_dir()


def _role_version(path: Path) -> str | None:
    """What the program that installed a role wrote down."""
    from stella_ops.collections.runtime import load_plain

    return (load_plain(path / "meta" / ".galaxy_install_info") or {}).get("version")


def _show_table(folder: str, versions: Mapping[str, str | None]) -> None:
    wide = max([len("Collection"), *map(len, versions)])
    narrow = max([len("Version"), *(len(of or "*") for of in versions.values())])
    click.echo(f"\n# {folder}")
    for left, right in (("Collection", "Version"), ("-" * wide, "-" * narrow)):
        click.echo(f"{left:{wide}} {right:{narrow}}")
    for each, of in versions.items():
        click.echo(f"{each:{wide}} {of or '*':{narrow}}")


def _show(told: Mapping[str, object], style: str) -> None:
    if style == "json":
        click.echo(json.dumps(told))
        return
    import yaml

    click.echo(yaml.safe_dump(told, default_flow_style=False, sort_keys=False), nl=False)


def _add_acts() -> None:
    """What builds, installs, verifies and removes."""
    from stella_ops.cli import galaxy_acts as acts

    for command in (acts.collection_install, acts.collection_build, acts.collection_init, acts.collection_verify):
        collection.add_command(command)
    for command in (acts.role_install, acts.role_init, acts.role_remove, acts.role_info):
        role.add_command(command)
    galaxy.add_command(acts.role_install)


_add_acts()
