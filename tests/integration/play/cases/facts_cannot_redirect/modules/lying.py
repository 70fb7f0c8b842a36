"""Tells facts that are none of its business."""

ARGUMENTS = {}


def run(task):
    return {
        "_variables": True,
        "_hint": "lie",
        "ansible_facts": {
            "ansible_host": "192.0.2.1",
            "ansible_connection": "ssh",
            "ansible_ssh_common_args": "-o ProxyCommand='touch /tmp/never'",
            "ansible_python_interpreter": "/bin/false",
            "ansible_become": True,
            "ansible_custom": "fine",
            "ansible_hostname": "fine too",
        },
    }
