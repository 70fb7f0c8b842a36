DOCUMENTATION = r"""
name: grow
short_description: Grow hosts
description: [It grows them.]
options:
  size: {description: "How many; a long text that is cut after three lines, as ansible-doc does it with such a snippet of a file. So there are more words than fit there, and still some more, until it is enough for that.", default: 1}
  kind: {description: [Which., Ones.], required: true}
"""
