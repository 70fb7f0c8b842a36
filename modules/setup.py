"""Gather facts about the host."""

import fnmatch

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
    told = {"gather_subset": args["gather_subset"], "module_setup": True}
    if any(args["filter"]):
        told = {name: value for name, value in told.items() if any(fnmatch.fnmatch(name, f) for f in args["filter"])}
    picked = {"ansible_" + name: value for name, value in collect.pick(facts, args["filter"]).items()}
    picked.update(told)
    return {"changed": False, "ansible_facts": picked}
