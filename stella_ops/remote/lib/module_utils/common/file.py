"""Permission bits and flags of files."""

import os
import re
import stat

# Letters of chattr(1).
FILE_ATTRIBUTES = {
    "A": "noatime",
    "a": "append",
    "c": "compressed",
    "C": "nocow",
    "d": "nodump",
    "D": "dirsync",
    "e": "extents",
    "E": "encrypted",
    "h": "blocksize",
    "i": "immutable",
    "I": "indexed",
    "j": "journalled",
    "N": "inline",
    "s": "zero",
    "S": "synchronous",
    "t": "notail",
    "T": "blockroot",
    "u": "undelete",
    "X": "compressedraw",
    "Z": "compresseddirty",
}

MODE_OPERATOR_RE = re.compile(r"[+=-]")
USERS_RE = re.compile(r"[^ugo]")
PERMS_RE = re.compile(r"[^rwxXstugo]")

S_IRANY = 0o444
S_IWANY = 0o222
S_IXANY = 0o111
S_IRWU_RWG_RWO = S_IRANY | S_IWANY
S_IRWU_RG_RO = S_IRANY | stat.S_IWUSR
S_IRWXU_RXG_RXO = S_IRANY | S_IXANY | stat.S_IWUSR
_PERM_BITS = 0o7777
_EXEC_PERM_BITS = S_IXANY
_DEFAULT_PERM = S_IRWU_RWG_RWO


def is_executable(path):
    """The bits by which somebody may run a file."""
    return S_IXANY & os.stat(path).st_mode


def format_attributes(attributes):
    """Names of flags, from their letters."""
    return [FILE_ATTRIBUTES[letter] for letter in attributes if letter in FILE_ATTRIBUTES]


def get_flags_from_attributes(attributes):
    """Letters of flags, from their names."""
    return "".join(letter for letter, name in FILE_ATTRIBUTES.items() if name in attributes)


def get_file_arg_spec():
    """The parameters that modules about files share."""
    names = ("owner", "group", "seuser", "serole", "selevel", "setype")
    return dict({name: {} for name in names}, mode={"type": "raw"}, attributes={"aliases": ["attr"]})
