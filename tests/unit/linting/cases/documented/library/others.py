#!/usr/bin/python
DOCUMENTATION = """
module: others
short_description: Written for ansible-core
options:
  address: {description: Where., required: true, type: str}
  colour: {description: Of what., choices: [red, green], type: str}
"""
from ansible.module_utils.basic import AnsibleModule


def main():
    AnsibleModule(argument_spec={}).exit_json()


main()
