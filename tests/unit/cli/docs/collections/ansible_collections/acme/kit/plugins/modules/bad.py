DOCUMENTATION = r"""
module: bad
short_description: Bad
description: x
extends_documentation_fragment: acme.kit.nowhere
"""
