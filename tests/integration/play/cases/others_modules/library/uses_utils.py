#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.greeting import greet
from ansible.module_utils.ours import deep
from ansible.module_utils.ours.deep import depth


def main():
    module = AnsibleModule(argument_spec={"name": {}}, supports_check_mode=False)
    rc, out, err = module.run_command("echo $HOME_OF_NOBODY 'a b'", check_rc=True)
    module.warn("careful")
    module.exit_json(
        greeting=greet(module.params["name"]),
        depth=depth(),
        same=deep.depth() == depth(),
        out=out,
        ansible_facts={"greeted": module.params["name"]},
    )


main()
