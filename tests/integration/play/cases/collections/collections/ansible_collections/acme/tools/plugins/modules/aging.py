#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(argument_spec={"name": {"type": "str", "default": "deep"}})
    module.exit_json(changed=True, msg="aging")


if __name__ == "__main__":
    main()
