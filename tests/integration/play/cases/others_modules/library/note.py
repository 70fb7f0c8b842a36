#!/usr/bin/python
"""A module as users of ansible-core write them."""

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: note
short_description: Keep a note in a file
options:
  path:
    description: Where it is kept.
    type: path
    required: true
  text:
    description: What it says.
    type: str
    default: ""
"""


def main():
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            text=dict(type="str", default=""),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            secret=dict(type="str", no_log=True),
            lines=dict(type="list", elements="int"),
        ),
        supports_check_mode=True,
        add_file_common_args=True,
        mutually_exclusive=[["text", "lines"]],
    )
    path = module.params["path"]
    try:
        with open(path) as source:
            before = source.read()
    except IOError:
        before = ""
    after = module.params["text"] + "\n"
    changed = before != after
    if changed and not module.check_mode:
        import os
        import tempfile

        handle, name = tempfile.mkstemp(dir=module.tmpdir)
        os.write(handle, after.encode())
        os.close(handle)
        module.atomic_move(name, path)
    if not module.check_mode:
        arguments = module.load_file_common_arguments(module.params)
        changed = module.set_fs_attributes_if_different(arguments, changed)
    result = dict(changed=changed, path=path, told=module.params["secret"], lines=module.params["lines"])
    if "x" in after:
        module.fail_json(msg="no x, please: %s" % module.params["secret"], **result)
    if module._diff:
        result["diff"] = dict(before=before, after=after, before_header=path, after_header=path)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
