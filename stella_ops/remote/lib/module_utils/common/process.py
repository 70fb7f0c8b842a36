"""Programs found."""

import os

from stella_ops.remote.lib.module_utils.common.file import is_executable


def get_bin_path(arg, opt_dirs=None, required=None):
    """The path of a program: in some folders, in ``PATH``, and where administrators' programs lie.

    Raises:
        ValueError: there is none.
    """
    folders = [folder for folder in opt_dirs or () if folder is not None and os.path.exists(folder)]
    folders += os.environ.get("PATH", "").split(os.pathsep)
    folders += [f for f in ("/sbin", "/usr/sbin", "/usr/local/sbin") if f not in folders and os.path.exists(f)]
    for folder in folders:
        path = os.path.join(folder, arg)
        if folder and os.path.isfile(path) and is_executable(path):
            return path
    text = 'Failed to find required executable "{}" in paths: {}'
    raise ValueError(text.format(arg, os.pathsep.join(folders)))
