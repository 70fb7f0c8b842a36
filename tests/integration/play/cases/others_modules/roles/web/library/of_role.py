#!/usr/bin/python
from ansible.module_utils.basic import *
from ansible.module_utils.role_part import WORD

module = AnsibleModule(argument_spec=dict(n=dict(type="int", default=1)))
print("some words before")
module.exit_json(changed=True, word=WORD * module.params["n"], json=json.dumps([1]))
