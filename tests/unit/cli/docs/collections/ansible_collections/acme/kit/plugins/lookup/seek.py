DOCUMENTATION = r"""
name: seek
short_description: Seek
description: [It seeks.]
options:
  _terms: {description: What., required: true}
  where: {description: Where., type: string, default: here}
"""
from ansible.plugins.lookup import LookupBase
class LookupModule(LookupBase): pass
