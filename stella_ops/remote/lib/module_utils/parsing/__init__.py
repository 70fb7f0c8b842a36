"""See ``module_utils``."""
