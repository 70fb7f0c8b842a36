"""Actions for modules of collections, in the place of their own action plug-ins; see docs/collections.md."""
