"""The settings of each way to become another user: those of its own, then those for all ways."""

from __future__ import annotations

from stella_ops.ansible_settings.setting import Kind, Setting

# Those whose variables and settings have a name of their own (sudosu has sudo's), and what each may be told.
METHODS = ("sudo", "su", "doas", "dzdo", "ksu", "pfexec")
_ASKING = ("su", "doas", "ksu")
_OPTIONS: tuple[tuple[str, str, str, Kind], ...] = (
    ("user", "user", "USER", "text"),
    ("exe", "executable", "EXE", "text"),
    ("flags", "flags", "FLAGS", "text"),
    ("password", "password", "PASS", "text"),
)
OPTIONS = tuple(option for option, _, _, _ in _OPTIONS)
PROMPTS = "prompts"


def setting_name(method: str, option: str) -> str:
    """The name by which ``AnsibleSettings.choose`` knows an option of a method."""
    return f"BECOME_{method}_{option}"


def _settings() -> list[Setting]:
    found = []
    for method in METHODS:
        section = f"{method}_become_plugin"
        for option, key, env, kind in _OPTIONS:
            ini: tuple[str, ...] = (f"{section}.{key}",)
            if option != "password":
                ini = (*ini, f"privilege_escalation.become_{option}")
            envs = (f"ANSIBLE_{method.upper()}_{env}", f"ANSIBLE_BECOME_{env}")
            found.append(Setting(setting_name(method, option), ini, envs, kind, ""))
        if method in _ASKING:
            ini = (f"{section}.localized_prompts",)
            env = f"ANSIBLE_{method.upper()}_PROMPT_L10N"
            found.append(Setting(setting_name(method, PROMPTS), ini, (env,), "list", ""))
    return found


SETTINGS = tuple(_settings())


def document() -> list[str]:
    """The rows of the documentation."""
    rows = []
    for method in METHODS:
        name, section = method.upper(), f"{method}_become_plugin"
        ini = ", ".join(f"`{section}.{key}`" for _, key, _, _ in _OPTIONS)
        env = ", ".join(f"`ANSIBLE_{name}_{variable}`" for _, _, variable, _ in _OPTIONS)
        if method in _ASKING:
            ini += f", `{section}.localized_prompts`"
            env += f", `ANSIBLE_{name}_PROMPT_L10N`"
        also = " and sudosu" if method == "sudo" else ""
        rows.append(f"| {ini}, {env} | for {method}{also}, see [become.md](become.md) |")
    return rows
