"""What one setting of ansible-core's ``ansible.cfg`` is."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["text", "flag", "count", "number", "list", "path", "paths", "pathlist"]


class Setting(NamedTuple):
    """One setting.

    Attributes:
        name: ansible-core's name for it.
        ini: where it stands in ``ansible.cfg``, as ``section.key``; the first that is written counts.
        env: variables of the environment; likewise.
        kind: how its text is read: ``paths`` has colons between folders, ``list`` and ``pathlist`` commas.
        does: what it does here; where ``used`` is false, why it has no meaning.
        choices: the words that it may be.
    """

    name: str
    ini: tuple[str, ...]
    env: tuple[str, ...]
    kind: Kind
    does: str
    used: bool = True
    choices: tuple[str, ...] = ()


def used(name: str, ini: str, env: str, kind: Kind, does: str, choices: str = "") -> Setting:
    """A setting that has a meaning; places and choices have spaces between them."""
    return Setting(name, tuple(ini.split()), tuple(env.split()), kind, does, True, tuple(choices.split()))


def unused(name: str, ini: str, env: str, why: str) -> Setting:
    """A setting that has none."""
    return Setting(name, tuple(ini.split()), tuple(env.split()), "text", why, False)
