"""Actions for modules of amazon.aws."""
