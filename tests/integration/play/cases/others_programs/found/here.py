#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

m = AnsibleModule({"n": {"type": "int"}}, supports_check_mode=True)
m.exit_json(changed=m.check_mode, n=m.params["n"])
