"""Locales in which programs speak English."""

PREFERRED = ["C.utf8", "C.UTF-8", "en_US.utf8", "en_US.UTF-8", "C", "POSIX"]


def get_best_parsable_locale(module, preferences=None, raise_on_locale=False):
    """The first of some locales that the host has, else ``C``.

    Raises:
        RuntimeWarning: the host cannot say, and that is asked for.
    """
    try:
        program = module.get_bin_path("locale")
        if not program:
            raise RuntimeWarning("Could not find 'locale' tool")
        status, out, err = module.run_command([program, "-a"])
        if status != 0 or not out:
            raise RuntimeWarning("Unable to get locale information, rc={}: {}".format(status, err))
    except RuntimeWarning as problem:
        if raise_on_locale:
            raise
        module.debug("Failed to get locale information: {}".format(problem))
        return "C"
    available = out.strip().splitlines()
    return next((name for name in preferences or PREFERRED if name in available), "C")
