"""Which ansible-core's language is spoken."""

__version__ = "2.19.0"
__author__ = ""
__codename__ = ""
