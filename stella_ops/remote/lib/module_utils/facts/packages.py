"""Packages that are installed, as their managers tell."""

from abc import ABCMeta, abstractmethod

from stella_ops.remote.lib.module_utils.basic import missing_required_lib
from stella_ops.remote.lib.module_utils.common._utils import get_all_subclasses
from stella_ops.remote.lib.module_utils.common.process import get_bin_path


def get_all_pkg_managers():
    """All managers that are known, by name."""
    bases = (CLIMgr, LibMgr, RespawningLibMgr)
    return {each.__name__.lower(): each for each in get_all_subclasses(PkgMgr) if each not in bases}


class PkgMgr(metaclass=ABCMeta):
    """A manager of packages."""

    @abstractmethod
    def is_available(self, handle_exceptions=True):
        """Whether it is there."""

    @abstractmethod
    def list_installed(self):
        """What is installed, in its own form."""

    @abstractmethod
    def get_package_details(self, package):
        """Name, version and more of one of them."""

    def get_packages(self):
        """Lists of details by the names of packages."""
        found = {}
        for package in self.list_installed():
            details = self.get_package_details(package)
            details.setdefault("source", type(self).__name__.lower())
            found.setdefault(details["name"], []).append(details)
        return found


class LibMgr(PkgMgr):
    """One that is asked through a Python library."""

    LIB = ""

    def __init__(self):
        self._lib = None

    def is_available(self, handle_exceptions=True):
        try:
            self._lib = __import__(self.LIB)
        except ImportError:
            if not handle_exceptions:
                raise Exception(missing_required_lib(self.LIB))
            return False
        return True


class RespawningLibMgr(LibMgr):
    """The same; another Python is not tried."""

    CLI_BINARIES = []  # type: list[str]
    INTERPRETERS = ["/usr/bin/python3"]


class CLIMgr(PkgMgr):
    """One that is asked by a program."""

    CLI = ""

    def __init__(self):
        self._cli = None

    def is_available(self, handle_exceptions=True):
        try:
            self._cli = get_bin_path(self.CLI)
        except ValueError:
            if not handle_exceptions:
                raise
            return False
        return True
