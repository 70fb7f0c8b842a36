DOCUMENTATION = r"""
name: say
type: aggregate
short_description: Say it
description: [It says it.]
extends_documentation_fragment: acme.kit.shared.more
options:
  loud:
    description: How loud.
    default: 3
    type: int
    env: [{name: SAY_LOUD, version_added: 1.1.0}]
    ini: [{section: say, key: loud}]
    vars: [{name: say_loud}]
    cli: [{name: loud_it}]
    version_added: 1.1.0
"""
class CallbackModule: pass
