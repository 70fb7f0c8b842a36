"""Facts for modules, from those that ``setup`` gathers here."""

from stella_ops.remote.lib.module_utils.facts.compat import ansible_facts, get_all_facts

__all__ = ["ansible_facts", "get_all_facts"]
