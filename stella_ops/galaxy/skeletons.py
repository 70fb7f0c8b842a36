"""New collections and roles to begin with (``galaxy collection init``, ``galaxy role init``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from stella_ops.collections.reference import is_collection
from stella_ops.errors import GalaxyError
from stella_ops.galaxy.archive import replacing
from stella_ops.galaxy.manifest import NAMES

_COLLECTION = {
    "galaxy.yml": """\
# What this collection is. All keys: "Collection Galaxy metadata structure" in Ansible's documentation.
namespace: {namespace}
name: {name}
version: 1.0.0
readme: README.md
authors:
- Your Name <you@example.org>
description: what the collection is for
license:
- GPL-2.0-or-later
license_file: ''
tags: []
# Other collections and the versions that will do: {{"ns.name": ">=1.0.0"}}
dependencies: {{}}
repository: https://example.org/{namespace}.{name}
documentation: https://example.org/{namespace}.{name}/docs
homepage: https://example.org/{namespace}.{name}
issues: https://example.org/{namespace}.{name}/issues
# Patterns of files that are not for the archive.
build_ignore: []
""",
    "README.md": "# Collection {namespace}.{name}\n\nWhat it is for.\n",
    "meta/runtime.yml": """\
---
# For which versions of ansible-core this is, redirects and deprecations of its plug-ins.
# requires_ansible: ">=2.15.0"
# plugin_routing:
#   modules:
#     old_name:
#       redirect: {namespace}.{name}.new_name
""",
    "plugins/README.md": """\
# Plug-ins

One folder a kind: `modules`, `module_utils`, `filter`, `test`, `lookup`, `inventory`, `vars` …
""",
    "docs/": "",
    "roles/": "",
}
_ROLE = {
    "README.md": "# {name}\n\nWhat the role is for, its variables, and a playbook that uses it.\n",
    "defaults/main.yml": "---\n# Defaults of {name}: whoever uses the role may set them.\n",
    "files/": "",
    "handlers/main.yml": "---\n# Handlers of {name}.\n",
    "meta/main.yml": """\
---
galaxy_info:
  author: Your Name
  description: what the role is for
  license: GPL-2.0-or-later
  min_ansible_version: "2.15"
  galaxy_tags: []
# Roles that run before this one.
dependencies: []
""",
    "tasks/main.yml": "---\n# Tasks of {name}.\n",
    "templates/": "",
    "tests/inventory": "localhost\n\n",
    "tests/test.yml": "---\n- hosts: localhost\n  remote_user: root\n  roles:\n    - {name}\n",
    "vars/main.yml": "---\n# Variables of {name}, which count more than its defaults.\n",
}
_ROLE_NAME = re.compile(r"^[A-Za-z0-9_.-]+$")


def new_collection(name: str, into: Path, *, force: bool = False) -> Path:
    """Make the folder of a collection; its path.

    Raises:
        GalaxyError: the name is none, or the folder is there already.
    """
    namespace, _, short = name.partition(".")
    if not is_collection(name):
        raise GalaxyError(
            f"Invalid collection name '{name}', name must be in the format <namespace>.<collection>.",
            hint=NAMES,
        )
    return _make(into.absolute() / namespace / short, _COLLECTION, {"namespace": namespace, "name": short}, force)


def new_role(name: str, into: Path, *, force: bool = False) -> Path:
    """Make the folder of a role; its path.

    Raises:
        GalaxyError: the name is none, or the folder is there already.
    """
    if not _ROLE_NAME.match(name) or name in (".", ".."):
        raise GalaxyError(f"'{name}' cannot be the name of a role", hint="letters, digits, '_', '-' and '.'")
    return _make(into.absolute() / name, _ROLE, {"name": name}, force)


def _make(target: Path, files: Mapping[str, str], values: Mapping[str, str], force: bool) -> Path:
    if target.is_file():
        raise GalaxyError(f"- the path {target} already exists, but is a file - aborting")
    if target.exists() and not force:
        raise GalaxyError(
            f"- the directory {target} already exists. You can use --force to re-initialize this directory,\n"
            "however it will reset any main.yml files that may have\nbeen modified there already."
        )
    if target.exists():
        for name, text in files.items():
            _write(target, name, text.format(**values))
        return target
    with replacing(target) as fresh:
        for name, text in files.items():
            _write(fresh, name, text.format(**values))
    return target


def _write(folder: Path, name: str, text: str) -> None:
    place = folder / name
    try:
        if name.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise GalaxyError(f"cannot be written: {problem.strerror}", where=place) from None
