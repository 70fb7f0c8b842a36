"""Tell which packages a host has, by dpkg-query, rpm, apk, pacman or qlist."""

from stella_ops.remote.lib import package_lists

ARGUMENTS = {
    "manager": {
        "type": "list",
        "elements": "str",
        "default": ["auto"],
        "doc": "apt, rpm (also dnf, dnf5, yum, zypper), apk, pacman, portage; auto for those that are there",
    },
    "strategy": {
        "type": "str",
        "choices": ["first", "all"],
        "default": "first",
        "doc": "ask the first manager that has packages, or all",
    },
}


def run(task):
    """Return ``ansible_facts.packages``: for each name a list with one mapping for each installed version."""
    asked = [name.lower() for name in task.args["manager"]]
    names = list(asked)
    if "auto" in names:
        names = [name for name in names if name != "auto"] + sorted(package_lists.MANAGERS)
    unknown = sorted(set(names) - set(package_lists.MANAGERS) - set(package_lists.ALIASES))
    if unknown:
        task.fail(
            "Unsupported package managers requested: {}".format(", ".join(unknown)),
            hint="known: {}".format(", ".join(["auto"] + sorted(package_lists.MANAGERS))),
        )
    packages = {}
    found = 0
    for name in dict.fromkeys(package_lists.ALIASES.get(name, name) for name in names):
        if found and task.args["strategy"] == "first":
            break
        try:
            listed = package_lists.installed(name)
        except package_lists.NotListed as error:
            if name in asked or error.program_found:
                asked_for = "Requested package manager {} was not usable by this module: {}"
                task.warn(str(error) if error.program_found else asked_for.format(name, error))
            continue
        found += 1
        for one in listed:
            packages.setdefault(one["name"], []).append(one)
    if not found:
        text = "Could not detect a supported package manager from the following list: {}, "
        text += "or the required Python library is not installed. Check warnings for details."
        task.fail(text.format(names))
    return {"changed": False, "ansible_facts": {"packages": packages}}
