"""Actions for modules of community.sops."""
