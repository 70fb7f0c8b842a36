"""Actions for modules of ansible.posix."""
