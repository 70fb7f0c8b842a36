"""Which collections a command works with: beside its playbooks, and where it is set."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from stella_ops.cli.ansible_programs import going_away
from stella_ops.collections import Collections, current, use
from stella_ops.collections.installed import configured_folders, python_folders
from stella_ops.collections.notices import DISABLE, Notice
from stella_ops.settings import is_trusted

if TYPE_CHECKING:
    from stella_ops.ansible_settings.reading import AnsibleSettings


def use_collections(settings: AnsibleSettings, folders: Iterable[Path]) -> Collections:
    """Use the collections beside some playbooks, and the configured ones.

    Args:
        folders: of the playbooks.
    """
    choose = settings.choose
    beside = [folder for folder in dict.fromkeys(folders) if is_trusted(folder / "collections")]
    found = Collections(
        beside,
        choose("COLLECTIONS_PATHS") or configured_folders(os.environ),
        python_folders() if choose("COLLECTIONS_SCAN_SYS_PATH", default=True) else (),
        mismatch=choose("COLLECTIONS_ON_ANSIBLE_VERSION_MISMATCH", default="warning"),
    )
    use(found)
    return found


def print_notices(settings: AnsibleSettings) -> None:
    """Print what is to be said of collections, of a command that runs nothing."""
    hinted = False

    def show(notice: Notice) -> None:
        nonlocal hinted
        if notice.deprecated and not hinted:
            hinted = True
            print(f"[WARNING]: {DISABLE}", file=sys.stderr)
        print(f"[{title(notice)}]: {notice.told()}", file=sys.stderr)

    tell(settings, show)


def tell(settings: AnsibleSettings, to: Callable[[Notice], None]) -> None:
    """Give what was and will be said of collections to somebody; what will go away only where that is wanted."""
    for text in going_away(sys.argv):
        current().say(text, deprecated=True)
    wanted = settings.choose("DEPRECATION_WARNINGS", default=True)
    current().listen(lambda notice: to(notice) if wanted or not notice.deprecated else None)


def title(notice: Notice) -> str:
    """What kind of warning it is."""
    return "DEPRECATION WARNING" if notice.deprecated else "WARNING"
