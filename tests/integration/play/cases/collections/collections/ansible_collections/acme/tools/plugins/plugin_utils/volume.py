from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.text.converters import to_text
from ansible_collections.acme.tools.plugins.module_utils.words import greeting


def raised(text):
    if not isinstance(text, str):
        raise AnsibleFilterError("only text can be raised")
    return to_text(text).upper()


def hello(name):
    return greeting(name)
