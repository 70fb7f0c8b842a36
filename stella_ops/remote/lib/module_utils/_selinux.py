"""AnsibleModule and SELinux; see ``basic``. Without its Python binding, or where it is off, nothing is done."""

import os

from stella_ops.remote.lib.module_utils.common.text.converters import to_bytes, to_native, to_text

try:
    import selinux  # type: ignore[import-not-found]

    HAVE_SELINUX = True
except ImportError:
    selinux = None
    HAVE_SELINUX = False


class SelinuxMixin(object):
    """Contexts of files."""

    _selinux_enabled = None
    _selinux_mls_enabled = None
    _selinux_initial_context = None
    _selinux_special_fs = ["fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat"]

    def selinux_mls_enabled(self):
        """Whether contexts have a level."""
        if self._selinux_mls_enabled is None:
            self._selinux_mls_enabled = HAVE_SELINUX and selinux.is_selinux_mls_enabled() == 1
        return self._selinux_mls_enabled

    def selinux_enabled(self):
        """Whether the kernel enforces or logs."""
        if self._selinux_enabled is None:
            self._selinux_enabled = HAVE_SELINUX and selinux.is_selinux_enabled() == 1
        return self._selinux_enabled

    def selinux_initial_context(self):
        """A context that says nothing."""
        if self._selinux_initial_context is None:
            self._selinux_initial_context = [None] * (4 if self.selinux_mls_enabled() else 3)
        return self._selinux_initial_context

    def selinux_default_context(self, path, mode=0):
        """What the policy says of a path."""
        return self._context_by(lambda: selinux.matchpathcon(to_native(path, errors="surrogate_or_strict"), mode))

    def selinux_context(self, path):
        """What a path has."""

        def ask():
            return selinux.lgetfilecon_raw(to_native(path, errors="surrogate_or_strict"))

        return self._context_by(ask, path)

    def _context_by(self, ask, path=None):
        if not self.selinux_enabled():
            return self.selinux_initial_context()
        try:
            found = ask()
        except OSError as problem:
            if path is not None:
                self.fail_json(path=path, msg="Failed to retrieve selinux context.", exception=problem)
            return self.selinux_initial_context()
        # The level, which is the last, may have colons of its own.
        return self.selinux_initial_context() if found[0] == -1 else found[1].split(":", 3)

    def find_mount_point(self, path):
        """Where the file system of a path is mounted."""
        place = os.path.realpath(to_bytes(os.path.expanduser(os.path.expandvars(path)), errors="surrogate_or_strict"))
        while not os.path.ismount(place):
            place = os.path.dirname(place)
        return to_text(place, errors="surrogate_or_strict")

    def is_special_selinux_path(self, path):
        """Whether a path's file system has one context for all, and which."""
        try:
            with open("/proc/mounts") as source:
                lines = source.readlines()
        except (OSError, ValueError):
            return False, None
        place = self.find_mount_point(path)
        for line in lines:
            fields = line.split(" ", 4)
            if fields[1] == place and any(kind in fields[2] for kind in self._selinux_special_fs):
                return True, self.selinux_context(place)
        return False, None

    def set_default_selinux_context(self, path, changed):
        """Give a path the context that the policy says."""
        if not self.selinux_enabled():
            return changed
        return self.set_context_if_different(path, self.selinux_default_context(path), False)

    def set_context_if_different(self, path, context, changed, diff=None):
        """Give a path a context, None in it leaving a part alone."""
        if not self.selinux_enabled():
            return changed
        if self.check_file_absent_if_check_mode(path):
            return True
        current = self.selinux_context(path)
        special, wanted = self.is_special_selinux_path(path)
        if not special:
            given = list(context)[: len(current)]
            given += [None] * (len(current) - len(given))
            wanted = [old if new is None else new for old, new in zip(current, given)]  # noqa: B905
        if current == wanted:
            return changed
        if diff is not None:
            diff.setdefault("before", {})["secontext"] = current
            diff.setdefault("after", {})["secontext"] = wanted
        if self.check_mode:
            return True
        try:
            status = selinux.lsetfilecon(to_native(path), ":".join(wanted))
        except OSError as problem:
            text = "invalid selinux context: {}".format(to_native(problem))
            self.fail_json(path=path, msg=text, new_context=wanted, cur_context=current, input_was=context)
        if status != 0:
            self.fail_json(path=path, msg="set selinux context failed")
        return True
