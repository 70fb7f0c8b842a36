"""Collections of the namespace amazon."""
