"""Gather facts about the host."""

from stella_ops.remote.lib.facts import collect, local

ARGUMENTS = {
    "gather_subset": {"type": "list", "elements": "str", "default": ["all"]},
    "filter": {"type": "list", "elements": "str", "default": []},
    "gather_timeout": {"type": "int", "default": 10},
    "fact_path": {"type": "path", "default": "/etc/ansible/facts.d"},
}


def run(task):
    """Return ``ansible_facts``: names with ``ansible_`` before them, as ansible-core gives them."""
    args = task.args
    try:
        chosen = collect.choose(args["gather_subset"])
    except ValueError as error:
        task.fail(str(error))
    facts = collect.gather(chosen, args["gather_timeout"], task.warn)
    if "local" in chosen:
        facts.update(local.gather(args["fact_path"], task.warn))
    picked = {"ansible_" + name: value for name, value in collect.pick(facts, args["filter"]).items()}
    picked["gather_subset"] = args["gather_subset"]
    picked["module_setup"] = True
    return {"changed": False, "ansible_facts": picked}
