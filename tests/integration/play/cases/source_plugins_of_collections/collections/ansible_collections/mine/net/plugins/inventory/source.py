from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable, to_safe_group_name
from ansible_collections.mine.net.plugins.module_utils.asking import ask, base

DOCUMENTATION = """
name: source
short_description: Hosts of a service.
description: Hosts of a service.
extends_documentation_fragment: [constructed, inventory_cache, mine.net.common]
options:
  plugin: {description: its name, required: true, choices: [mine.net.source, mine.net.old]}
  domain: {description: behind names, type: str, required: true}
  title: {description: may be a template, type: str, default: plain}
  place: {description: a folder, type: path}
  tags: {description: words, type: list, elements: str, default: []}
"""


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "mine.net.source"

    def verify_file(self, path):
        return super().verify_file(path) and path.endswith((".net.yml", ".net.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        key = self.get_cache_key(path)
        found = None
        if self.get_option("cache") and cache:
            try:
                found = self._cache[key]
            except KeyError:
                pass
        if found is None:
            found = ask(base(path) + "/../asked", self.get_option("wide"))
            if self.get_option("cache"):
                self._cache[key] = found
        for each in found:
            host = f"{each['name']}.{self.get_option('domain')}"
            self.inventory.add_host(host)
            self.inventory.set_variable(host, "role", each["role"])
            self.inventory.set_variable(host, "ansible_connection", "local")
            self.inventory.set_variable(host, "title", self.templar.template(self.get_option("title")))
            self.inventory.set_variable(host, "tags_of", self.get_option("tags"))
            strict = self.get_option("strict")
            known = {**each, "tmpl": "{{ 1 }}"}
            self._set_composite_vars(self.get_option("compose"), known, host, strict)
            self._add_host_to_composed_groups(self.get_option("groups"), known, host, strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, strict)
            group = self.inventory.add_group(to_safe_group_name(f"net-{len(found)}"))
            self.inventory.add_child(group, host)
