from ansible.inventory.host import Host
from ansible.plugins.vars import BaseVarsPlugin
from ansible.template import trust_as_template

DOCUMENTATION = """
name: more
short_description: More variables.
description: More variables.
extends_documentation_fragment: [ansible.builtin.vars_plugin_staging]
options:
  stage: {ini: [{section: more, key: stage}]}
  word: {description: a word, default: usual, ini: [{section: more, key: word}]}
"""


class VarsModule(BaseVarsPlugin):
    def get_vars(self, loader, path, entities, cache=True):
        super().get_vars(loader, path, entities)
        found = {}
        for entity in entities if isinstance(entities, list) else [entities]:
            if isinstance(entity, Host):
                found["more_of"] = entity.name
                found["more_word"] = self.get_option("word")
                found["more_trusted"] = trust_as_template("{{ role | upper }}")
                found["more_data"] = "{{ role | upper }}"
        return found
