"""Collections of the namespace community."""
