"""Actions for modules of community.general."""
