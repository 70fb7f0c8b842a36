#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({})
module.deprecate("old", version="9.9")
module.deprecate("older", date="2030-01-01", collection_name="a.b")
module.exit_json(changed=False)
