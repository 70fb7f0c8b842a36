#!/usr/bin/python
import sys

from ansible.module_utils.basic import AnsibleModule
from lent_to_modules import WORD


def main():
    module = AnsibleModule(argument_spec={})
    packages = [path for path in sys.path if path.endswith("-packages")]
    module.exit_json(changed=bool(packages), msg=WORD)


if __name__ == "__main__":
    main()
