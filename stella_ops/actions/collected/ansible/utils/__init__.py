"""Actions for modules of ansible.utils."""
