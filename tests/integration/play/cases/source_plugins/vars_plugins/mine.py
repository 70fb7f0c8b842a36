from __future__ import annotations

from ansible.errors import AnsibleParserError
from ansible.inventory.group import Group
from ansible.inventory.host import Host
from ansible.plugins.vars import BaseVarsPlugin

DOCUMENTATION = """
    name: mine
    short_description: x
    description: x
    options:
      word:
        description: x
        default: from default
        env: [{name: MINE_WORD}]
        ini: [{section: mine, key: word}]
"""


class VarsModule(BaseVarsPlugin):
    def get_vars(self, loader, path, entities, cache=True):
        if not isinstance(entities, list):
            entities = [entities]
        super().get_vars(loader, path, entities)
        data = {}
        for e in entities:
            if isinstance(e, Host):
                data["host_from"] = e.name
                data["tmpl"] = "{{ 1 + 1 }}"
            elif isinstance(e, Group):
                data["group_" + e.name] = path
                data["last_group"] = e.name
                data["strength"] = "plugin"
            else:
                raise AnsibleParserError(f"what is {e}")
        data["word"] = self.get_option("word")
        return data
