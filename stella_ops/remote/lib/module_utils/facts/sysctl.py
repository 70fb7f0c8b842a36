"""Settings of the kernel."""

import re


def get_sysctl(module, prefixes):
    """What sysctl(8) says of some names."""
    program = module.get_bin_path("sysctl")
    if not program:
        return {}
    status, out, err = module.run_command([program] + list(prefixes))
    if status != 0:
        module.warn("Error running sysctl: {}".format(err))
        return {}
    found, name = {}, None
    for line in out.splitlines():
        if not line.strip():
            continue
        if line[0].isspace() and name is not None:
            found[name] += "\n" + line
            continue
        parts = re.split(r"\s?=\s?|: ", line, maxsplit=1)
        if len(parts) == 2:
            name = parts[0]
            found[name] = parts[1].strip()
    return found
