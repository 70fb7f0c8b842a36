DOCUMENTATION = r"""
module: deep
short_description: Bad
description: x
"""
