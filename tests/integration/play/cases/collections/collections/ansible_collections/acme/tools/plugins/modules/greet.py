#!/usr/bin/python
DOCUMENTATION = r"""
module: greet
short_description: Greets somebody
description:
  - It says hello, and changes nothing.
options:
  name:
    description: Who is greeted.
    type: str
    required: true
  mark:
    description: What ends the greeting.
    type: str
    default: "!"
author: Somebody
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.acme.tools.plugins.module_utils.words import greeting
from ansible_collections.acme.tools.plugins.module_utils.old_words import greeting as again
from ..module_utils.pack import double


def main():
    module = AnsibleModule(
        argument_spec={"name": {"type": "str", "required": True}, "mark": {"type": "str", "default": "!"}},
        supports_check_mode=True,
    )
    name, mark = module.params["name"], module.params["mark"]
    module.exit_json(
        changed=False, msg=greeting(name, mark), both=double(name), again=again(name), me=module._name, collection="acme.tools"
    )


if __name__ == "__main__":
    main()
