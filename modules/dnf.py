"""Install, upgrade and remove RPM packages with dnf, or with yum on a host that has no dnf."""

from stella_ops.remote.lib import dnf_program
from stella_ops.remote.lib.dnf_arguments import RPM_PACKAGES

ARGUMENTS = {
    **RPM_PACKAGES,
    "use_backend": {
        "type": "str",
        "default": "auto",
        "aliases": ["use"],
        "choices": ["auto", "dnf", "yum", "yum4", "dnf4", "dnf5"],
        "doc": "the program to use; auto takes dnf5 where dnf is that",
    },
}


def run(task):
    """Return results ("Installed: …", "Removed: …"; with list, packages), rc and msg."""
    programs = {"dnf5": ["dnf5"], "auto": ["dnf5", "dnf", "yum"], "yum": ["dnf5", "dnf", "yum"]}
    return dnf_program.manage(task, programs.get(task.args["use_backend"], ["dnf"]))
