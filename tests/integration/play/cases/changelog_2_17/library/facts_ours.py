#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

AnsibleModule({}, supports_check_mode=True).exit_json(ansible_facts=dict(facts_of_ours=1, several=[1, 2], tree=dict(a=1)))
