"""Collections of the namespace ansible."""
