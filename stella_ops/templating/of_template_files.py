"""What a template file may know of itself: ansible-core's variables of the same names."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


def about_template(source: Path, name: str, variables: Mapping[str, Any], dest: str | None = None) -> dict[str, Any]:
    """``template_path`` and its kin, and ``ansible_managed`` where the variables have none.

    Args:
        source: the file.
        name: the file's name as it was written.
        variables: those that the template has besides.
        dest: where what it makes will be, if that is a file.

    Raises:
        OSError: the file cannot be looked at.
    """
    found = source.stat()
    try:
        owner: str | int = pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        owner = found.st_uid
    told: dict[str, Any] = {
        "template_host": os.uname().nodename,
        "template_path": name,
        "template_fullpath": str(source),
        "template_destpath": dest,
        "template_uid": owner,
        "template_mtime": datetime.fromtimestamp(found.st_mtime),
        "template_run_date": datetime.now(),
    }
    if "ansible_managed" not in variables:
        told["ansible_managed"] = "Ansible managed"
    return told
