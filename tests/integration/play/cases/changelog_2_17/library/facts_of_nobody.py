#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

AnsibleModule({}, supports_check_mode=True).fail_json(msg="nobody knows")
