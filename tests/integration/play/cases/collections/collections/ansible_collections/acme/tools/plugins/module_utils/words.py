from ansible.module_utils.common.text.converters import to_text


def greeting(name, mark="!"):
    return to_text("Hello, {0}{1}".format(name, mark))
