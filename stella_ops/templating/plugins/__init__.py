"""Users' own filters, tests and lookups: where they lie, and the modules of ansible-core that they import."""
