"""Install, upgrade and remove RPM packages with dnf, or with yum on a host that has no dnf."""

from stella_ops.remote.lib import dnf_program

ARGUMENTS = {
    "name": {
        "type": "list",
        "elements": "str",
        "aliases": ["pkg"],
        "default": [],
        "doc": 'names, name-version, "name >= 1.0", @groups, provided paths, .rpm files, URLs; * for all',
    },
    "state": {
        "type": "str",
        "choices": ["absent", "installed", "latest", "present", "removed"],
        "doc": "default: present, or absent with autoremove",
    },
    "list": {"type": "str", "doc": "answer with what is installed, available, updates, repos, or a package"},
    "allow_downgrade": {"type": "bool", "default": False, "doc": "install an older version than there is"},
    "allowerasing": {"type": "bool", "default": False, "doc": "remove what is in the way"},
    "autoremove": {"type": "bool", "default": False, "doc": "remove what nothing depends on any more"},
    "best": {"type": "bool", "doc": "take the newest version or fail"},
    "nobest": {"type": "bool", "doc": "the opposite of best"},
    "bugfix": {"type": "bool", "default": False, "doc": "upgrade only to what mends bugs"},
    "security": {"type": "bool", "default": False, "doc": "upgrade only to what mends security"},
    "cacheonly": {"type": "bool", "default": False, "doc": "do not fetch metadata"},
    "conf_file": {"type": "str"},
    "disable_excludes": {"type": "str", "doc": "all, main, or a repository"},
    "disable_gpg_check": {"type": "bool", "default": False},
    "disable_plugin": {"type": "list", "elements": "str", "default": []},
    "enable_plugin": {"type": "list", "elements": "str", "default": []},
    "disablerepo": {"type": "list", "elements": "str", "default": []},
    "enablerepo": {"type": "list", "elements": "str", "default": []},
    "download_only": {"type": "bool", "default": False},
    "download_dir": {"type": "str"},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "installroot": {"type": "str", "default": "/"},
    "install_repoquery": {"type": "bool", "default": True, "doc": "accepted; has no meaning"},
    "install_weak_deps": {"type": "bool", "default": True},
    "releasever": {"type": "str"},
    "skip_broken": {"type": "bool", "default": False},
    "update_cache": {"type": "bool", "default": False, "aliases": ["expire-cache"]},
    "update_only": {"type": "bool", "default": False, "doc": "install nothing that is not there yet"},
    "validate_certs": {"type": "bool", "default": True},
    "sslverify": {"type": "bool", "default": True},
    "lock_timeout": {"type": "int", "default": 30, "doc": "seconds to wait for another program's lock"},
    "use_backend": {
        "type": "str",
        "default": "auto",
        "aliases": ["use"],
        "choices": ["auto", "yum", "yum4", "dnf", "dnf4", "dnf5"],
        "doc": "the program to use; auto takes dnf5 where dnf is that",
    },
}


def run(task):
    """Return results ("Installed: …", "Removed: …"; with list, packages), rc and msg."""
    programs = {"dnf5": ["dnf5"], "auto": ["dnf5", "dnf", "yum"], "yum": ["dnf5", "dnf", "yum"]}
    return dnf_program.manage(task, programs.get(task.args["use_backend"], ["dnf"]))
