"""Say what dpkg is to do with a package: keep it as it is (hold), install, deinstall or purge it.

Nothing is installed or removed; ``apt`` does that.
"""

from stella_ops.remote.lib import debian, programs

ARGUMENTS = {
    "name": {"type": "str", "required": True, "doc": "name of the package"},
    "selection": {"type": "str", "required": True, "choices": ["install", "hold", "deinstall", "purge"]},
}


def run(task):
    """Return before and after: the package's selection."""
    name, wanted = task.args["name"], task.args["selection"]
    dpkg = programs.need(task, "dpkg")
    said = programs.do(task, [dpkg, "--get-selections", name])
    lines = said.stdout.split()
    if "no packages found matching" in said.stderr:
        task.fail("Failed to find package '{}' to perform selection '{}'.".format(name, wanted))
    before = lines[1] if len(lines) > 1 else "not present"
    result = {"changed": before != wanted, "before": before, "after": wanted}
    if result["changed"] and not task.check_mode:
        said = debian.run([dpkg, "--set-selections"], stdin="{} {}\n".format(name, wanted).encode("utf-8"))
        if said.rc != 0:
            hint = debian.hint_for(said.stderr)
            task.fail(said.stderr.strip(), rc=said.rc, stderr=said.stderr, **({"hint": hint} if hint else {}))
    if task.diff_mode and result["changed"]:
        result["diff"] = {"before": "{} {}\n".format(name, before), "after": "{} {}\n".format(name, wanted)}
    return result
