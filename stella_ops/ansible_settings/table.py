"""Every setting of ansible-core's ``ansible.cfg`` that people write, and what it does here.

``docs/ansible-settings.md`` is made from this table (``python -m stella_ops.ansible_settings.table``). A setting that
is not here has no meaning here; when it is written, one note says so.
"""

from __future__ import annotations

from stella_ops.ansible_settings import idle, reaching, running, showing
from stella_ops.ansible_settings.idle import QUIET, QUIET_SECTIONS
from stella_ops.ansible_settings.setting import Setting

__all__ = ["QUIET", "QUIET_SECTIONS", "SETTINGS", "Setting", "document"]

SETTINGS: tuple[Setting, ...] = (*reaching.SETTINGS, *running.SETTINGS, *showing.SETTINGS, *idle.SETTINGS)


def document() -> str:
    """The page of the documentation: what each setting does."""

    from stella_ops.ansible_settings import become

    def row(setting: Setting) -> str:
        places = ", ".join(f"`{place}`" for place in (*setting.ini, *setting.env))
        choices = f" ({', '.join(setting.choices)})" if setting.choices else ""
        return f"| {places} | {setting.does}{choices} |"

    lines = [
        "# ansible.cfg and ANSIBLE_* variables",
        "",
        "`ansible.cfg` is read where ansible-core looks for it: the file or folder that `ANSIBLE_CONFIG` names, the",
        "current folder (unless everybody may write to it), `~/.ansible.cfg`, `/etc/ansible/ansible.cfg`; the first",
        "that is there counts, alone. Of what is given in several places the strongest counts: command line,",
        "environment, `stella.toml`, `ansible.cfg`, default. A setting of the second table, or one that is in neither,",
        "is passed over, and one note on standard error says so (not with `--output json`).",
        "",
        "`stella-ops config dump --only-changed` shows what is set and where, `config list` and `config init` all that",
        "can be, `config view` the file that counts: in the forms of `ansible-config`. `config validate` finds",
        "what nothing knows.",
        "",
        "## What has a meaning",
        "",
        "| written | does |",
        "| --- | --- |",
        *(row(setting) for setting in SETTINGS if setting.used),
        *become.document(),
        "",
        "## What has none",
        "",
        "| written | because |",
        "| --- | --- |",
        *(row(setting) for setting in SETTINGS if not setting.used),
        "",
        "The sections " + ", ".join(f"`[{name}]`" for name in sorted(QUIET_SECTIONS)) + " are other programs' or",
        "without effect, and are passed over in silence.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(document(), end="")
