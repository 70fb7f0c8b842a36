from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: twice
short_description: each term, twice
description: each term, twice
options:
  _terms: {description: texts}
  between: {description: what stands between, type: str, default: "-", vars: [{name: twice_between}]}
  number: {description: how often, type: int, default: 2}
"""


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        if not terms:
            raise AnsibleError("twice: needs terms")
        between, number = self.get_option("between"), self.get_option("number")
        given = self._templar.template(variables["given"])
        return [*(between.join([term] * number) for term in self._flatten(terms)), given]
