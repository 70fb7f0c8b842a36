class ModuleDocFragment:
    DOCUMENTATION = """
options:
  wide:
    description: How many hosts.
    type: int
    default: 2
    env: [{name: NET_WIDE}]
"""
