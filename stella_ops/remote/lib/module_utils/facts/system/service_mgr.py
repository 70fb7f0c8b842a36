"""Whether systemd rules this host."""

import os

from stella_ops.remote.lib.module_utils.facts.collector import BaseFactCollector


class ServiceMgrFactCollector(BaseFactCollector):
    """``service_mgr``."""

    name = "service_mgr"
    _platform = "Linux"

    @staticmethod
    def is_systemd_managed(module):
        """Whether systemd is what runs."""
        places = ("/run/systemd/system/", "/dev/.run/systemd/", "/dev/.systemd/")
        return bool(module.get_bin_path("systemctl")) and any(os.path.exists(place) for place in places)

    @staticmethod
    def is_systemd_managed_offline(module):
        """Whether systemd is what would run."""
        return bool(module.get_bin_path("systemctl")) and os.path.basename(os.path.realpath("/sbin/init")) == "systemd"

    def collect(self, module=None, collected_facts=None):
        from stella_ops.remote.lib.facts import system

        return system.service_manager(10)
