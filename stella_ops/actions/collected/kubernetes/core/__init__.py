"""Actions for modules of kubernetes.core."""
