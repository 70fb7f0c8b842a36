"""Actions for modules of community.crypto."""
