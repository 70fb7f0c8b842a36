#!/usr/bin/python
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned, respawn_module
from lent_to_modules import WORD

from ..module_utils.words import greeting


def main():
    module = AnsibleModule(argument_spec={})
    if not has_respawned():
        respawn_module(sys.executable)
    packages = [path for path in sys.path if path.endswith("-packages")]
    module.exit_json(changed=bool(packages), msg=greeting(WORD))


if __name__ == "__main__":
    main()
