"""All facts at once."""


def ansible_facts(module, gather_subset=None):
    """Facts without ``ansible_`` before their names, of some subsets."""
    from stella_ops.remote.lib.facts import collect, local

    chosen = collect.choose(gather_subset or module.params.get("gather_subset") or ["all"])
    facts = collect.gather(chosen, module.params.get("gather_timeout") or 10, module.warn)
    if "local" in chosen:
        facts.update(local.gather(module.params.get("fact_path") or "/etc/ansible/facts.d", module.warn))
    wanted = module.params.get("filter") or []
    return collect.pick(facts, [wanted] if isinstance(wanted, str) else wanted)


def get_all_facts(module):
    """The facts that a module's parameter ``gather_subset`` asks for."""
    return ansible_facts(module, module.params["gather_subset"])
