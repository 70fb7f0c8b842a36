DOCUMENTATION = r"""
module: all
short_description: All that a page can have
version_added: 1.2.0
description:
  - Words in I(italics), B(bold), C(code) and M(acme.kit.other); V(a value), E(A_VARIABLE), P(acme.kit.low#filter).
  - An option O(path) or O(state=absent), of another O(acme.kit.other#module:deep.one=1); RV(told.deep); L(a link, https://example.com/).
  - U(https://example.com/) and R(a reference, there). HORIZONTALLINE And a very long sentence that has to be wrapped somewhere behind it.
author: [One (@one), Two]
extends_documentation_fragment: [acme.kit.shared, acme.kit.shared.more]
requirements: [python >= 3.9]
deprecated:
  removed_in: 3.0.0
  why: It is old.
  alternative: Use M(acme.kit.other).
options:
  path:
    description: [Where it is., "It may be long: this is a description of more than seventy columns, and so it is wrapped."]
    type: path
    required: true
    aliases: [dest]
  state:
    description: What is to be.
    choices: [absent, present]
    default: present
    version_added: 1.3.0
  a_name_that_is_longer_than_others:
    description: Inner ones.
    type: list
    elements: dict
    suboptions:
      deep: {description: One., type: int, required: true}
notes: [A note with C(code)., Another one.]
seealso:
  - module: acme.kit.other
  - {module: ansible.builtin.copy, description: It copies.}
  - {plugin: ansible.builtin.file, plugin_type: lookup}
  - {name: A name, link: "https://example.com/", description: What is there.}
  - {ref: a_ref, description: A reference.}
"""
EXAMPLES = r"""
- name: Do it
  acme.kit.all:
    path: /x
"""
RETURN = r"""
told:
  description: What was told.
  returned: always
  type: dict
  sample: {a: 1}
  contains:
    deep: {description: A part., type: str}
"""
