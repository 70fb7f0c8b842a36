from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

DOCUMENTATION = """
name: gen
short_description: hosts by their number
description: hosts by their number
extends_documentation_fragment: [constructed, inventory_cache]
options:
  plugin: {description: its name, required: true, choices: [gen]}
  count: {description: how many, type: int, default: 2, env: [{name: GEN_COUNT}], ini: [{section: gen, key: count}]}
  names: {description: more hosts, type: list, elements: str, default: []}
"""


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "gen"

    def verify_file(self, path):
        return super().verify_file(path) and path.endswith(("gen.yml", "gen.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        config = self._read_config_data(path)
        self.load_cache_plugin()
        self.inventory.add_group("made")
        for number in range(1, self.get_option("count") + 1):
            host = self.inventory.add_host(f"h{number}", group="made")
            self.inventory.set_variable(host, "num", number)
            self.inventory.set_variable(host, "ansible_connection", "local")
            self.inventory.set_variable(host, "templ", "{{ 1 }}")
            known = self.inventory.get_host(host).get_vars()
            self._set_composite_vars(self.get_option("compose"), known, host, self.get_option("strict"))
            known = self.inventory.get_host(host).get_vars()
            self._add_host_to_composed_groups(self.get_option("groups"), known, host, self.get_option("strict"))
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, self.get_option("strict"))
        for name in self.get_option("names"):
            hosts, port = self._expand_hostpattern(name)
            self._populate_host_vars(hosts, {"from": name, "ansible_connection": "local"}, "made", port)
        self.inventory.set_variable("made", "gvar", "of made")
        self.inventory.add_group("top")
        self.inventory.add_child("top", "made")
        if "bad" in config:
            raise AnsibleParserError("bad thing")
