"""stella-ops: push automation over SSH for the life of an agent."""

__version__ = "0.1.0"
