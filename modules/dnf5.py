"""Install, upgrade and remove RPM packages with dnf5."""

from stella_ops.remote.lib import dnf_program
from stella_ops.remote.lib.dnf_arguments import RPM_PACKAGES

ARGUMENTS = {
    **RPM_PACKAGES,
    "auto_install_module_deps": {"type": "bool", "default": True, "doc": "accepted; there is nothing to install"},
}


def run(task):
    """Return results ("Installed: …", "Removed: …"; with list, packages), rc and msg."""
    return dnf_program.manage(task, ["dnf5"])
