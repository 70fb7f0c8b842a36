#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ...module_utils import words


def main():
    module = AnsibleModule(argument_spec={"name": {"type": "str", "default": "deep"}})
    module.exit_json(changed=False, msg=words.greeting(module.params["name"]))


if __name__ == "__main__":
    main()
