DOCUMENTATION = """
name: letters
short_description: Letters of words
options:
  _terms:
    description: Words.
  upper:
    description: In capitals.
    type: bool
    default: false
"""

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

display = Display()


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        found = []
        for term in terms:
            if not isinstance(term, str):
                raise AnsibleError("letters of what?")
            display.vvv("letters of " + term)
            found.extend(term.upper() if self.get_option("upper") else term)
        return found
