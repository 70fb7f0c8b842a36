#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

AnsibleModule({}, supports_check_mode=True).exit_json(ansible_facts=dict(facts_of_theirs=2, several=[2, 3], tree=dict(b=2)))
