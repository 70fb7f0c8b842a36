"""The words that stand for true and for false where a boolean is written as text, as Ansible has them.

What travels to hosts has them in ``remote/lib/arguments.py``.
"""

from __future__ import annotations

TRUE_WORDS = frozenset({"1", "on", "t", "true", "y", "yes"})
FALSE_WORDS = frozenset({"0", "f", "false", "n", "no", "off"})


def says_yes(value: object) -> bool:
    """Whether a value is true, or the text of a word for it; upper case and blanks around it do not count."""
    return str(value).strip().lower() in TRUE_WORDS


def says_no(value: object) -> bool:
    """Whether a value is false, or the text of a word for it."""
    return str(value).strip().lower() in FALSE_WORDS
