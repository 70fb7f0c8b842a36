"""ansible-core's settings, as ``ansible.cfg`` and ``ANSIBLE_*`` variables give them: what each does here."""
