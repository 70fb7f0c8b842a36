"""Filters of addresses and networks, as in the collection ansible.utils, with Python's own ``ipaddress``."""
