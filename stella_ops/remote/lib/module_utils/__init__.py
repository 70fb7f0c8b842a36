"""What modules written for ansible-core import as ``ansible.module_utils``, written anew.

``foreign.py`` answers imports of ``ansible.module_utils.X`` with ``stella_ops.remote.lib.module_utils.X``. Names and
behaviour are those of ansible-core's developer documentation ("Module utilities"), as far as modules use them.
"""
