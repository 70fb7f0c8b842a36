"""Actions for modules of community.docker."""
