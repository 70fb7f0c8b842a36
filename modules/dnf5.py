"""Install, upgrade and remove RPM packages with dnf5."""

from stella_ops.remote.lib import dnf_program
from stella_ops.remote.lib.dnf_arguments import RPM_PACKAGES

ARGUMENTS = {
    **RPM_PACKAGES,
    "use_backend": {
        "type": "str",
        "default": "auto",
        "choices": ["auto", "dnf", "yum", "yum4", "dnf4", "dnf5"],
        "doc": "accepted; this module is always that of dnf5",
    },
    "auto_install_module_deps": {"type": "bool", "default": True, "doc": "accepted; there is nothing to install"},
}


def run(task):
    """Return results ("Installed: …", "Removed: …"; with list, packages), rc and msg."""
    return dnf_program.manage(task, ["dnf5"])
