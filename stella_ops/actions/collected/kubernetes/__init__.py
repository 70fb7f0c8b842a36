"""Collections of the namespace kubernetes."""
