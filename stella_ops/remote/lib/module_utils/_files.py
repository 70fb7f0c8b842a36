"""AnsibleModule and the attributes of files; see ``basic``."""

import errno
import grp
import hashlib
import os
import pwd
import stat

from stella_ops.remote.lib import modes
from stella_ops.remote.lib.module_utils.common.file import format_attributes
from stella_ops.remote.lib.module_utils.common.text.converters import to_bytes, to_native, to_text

# Refused by kernels that are held to FIPS 140.
AVAILABLE_HASH_ALGORITHMS = {}
for _name in sorted(hashlib.algorithms_guaranteed):
    if not _name.startswith("shake"):
        try:
            getattr(hashlib, _name)()
        except (AttributeError, ValueError):
            continue
        AVAILABLE_HASH_ALGORITHMS[_name] = getattr(hashlib, _name)


def _expanded(path, expand):
    path = to_bytes(path, errors="surrogate_or_strict")
    return os.path.expanduser(os.path.expandvars(path)) if expand else path


def _note(diff, name, before, after):
    if diff is not None:
        diff.setdefault("before", {})[name] = before
        diff.setdefault("after", {})[name] = after


class FilesMixin(object):
    """Owner, group, mode and flags."""

    def load_file_common_arguments(self, params, path=None):
        """The attributes that parameters ask for, of ``path`` or of what they name."""
        if path is None:
            path = params.get("path", params.get("dest", None))
        if path is None:
            return {}
        path = os.path.expanduser(os.path.expandvars(path))
        place = to_bytes(path, errors="surrogate_or_strict")
        if params.get("follow", False) and os.path.islink(place):
            path = to_native(os.path.realpath(place))
        context = [params.get(name) for name in ("seuser", "serole", "setype")]
        if self.selinux_mls_enabled():
            context.append(params.get("selevel"))
        for number, part in enumerate(self.selinux_default_context(path)):
            if context[number] == "_default":
                context[number] = part
        named = ("mode", "owner", "group", "seuser", "serole", "setype", "selevel", "attributes")
        found = {name: params.get(name) for name in named}
        return dict(found, path=path, secontext=context)

    def user_and_group(self, path, expand=True):
        """The ids of a path's owner and group."""
        found = os.lstat(_expanded(path, expand))
        return found.st_uid, found.st_gid

    def check_file_absent_if_check_mode(self, file_path):
        """Whether a file will be there only outside check mode."""
        return self.check_mode and not os.path.exists(file_path)

    def set_owner_if_different(self, path, owner, changed, diff=None, expand=True):
        """Give a path an owner, by name or id; whether that, or what was before, changes something."""
        return self._set_id(path, owner, changed, diff, expand, True)

    def set_group_if_different(self, path, group, changed, diff=None, expand=True):
        """Give a path a group, by name or id."""
        return self._set_id(path, group, changed, diff, expand, False)

    def _set_id(self, path, wanted, changed, diff, expand, is_owner):
        if wanted is None:
            return changed
        place = _expanded(path, expand)
        if self.check_file_absent_if_check_mode(place):
            return True
        kind, act = ("user", "chown") if is_owner else ("group", "chgrp")
        try:
            number = int(wanted)
        except ValueError:
            try:
                number = pwd.getpwnam(wanted).pw_uid if is_owner else grp.getgrnam(wanted).gr_gid
            except KeyError:
                text = "{} failed: failed to look up {} {}".format(act, kind, wanted)
                self.fail_json(path=to_text(place), msg=text)
        found = os.lstat(place)
        before = found.st_uid if is_owner else found.st_gid
        if before == number:
            return changed
        _note(diff, "owner" if is_owner else "group", before, number)
        if self.check_mode:
            return True
        try:
            os.lchown(place, number if is_owner else -1, -1 if is_owner else number)
        except OSError as problem:
            self.fail_json(path=to_text(place), msg="{} failed".format(act), exception=problem)
        return True

    def set_mode_if_different(self, path, mode, changed, diff=None, expand=True):
        """Give a path permission bits: a number, octal text, or symbols as chmod(1) has them."""
        if mode is None:
            return changed
        place = _expanded(path, expand)
        if self.check_file_absent_if_check_mode(place):
            return True
        found = os.lstat(place)
        before = stat.S_IMODE(found.st_mode)
        bits = self._bits(place, found, mode)
        if before == bits:
            return changed
        _note(diff, "mode", "0{:03o}".format(before), "0{:03o}".format(bits))
        if self.check_mode:
            return True
        try:
            # Linux has no bits for links, and those of what a link points to are not meant.
            if not stat.S_ISLNK(found.st_mode):
                os.chmod(place, bits)
        except OSError as problem:
            if problem.errno not in (errno.ENOENT, errno.ELOOP):
                self.fail_json(path=to_text(place), msg="chmod failed", details=to_native(problem), exception=problem)
        return changed or stat.S_IMODE(os.lstat(place).st_mode) != before

    def _bits(self, place, found, mode):
        if isinstance(mode, int):
            return mode
        try:
            return int(mode, 8)
        except (TypeError, ValueError):
            pass
        try:
            bits = self._symbolic_mode_to_octal(found, mode)
        except Exception as problem:
            text = "mode must be in octal or symbolic form"
            self.fail_json(path=to_text(place), msg=text, details=to_native(problem))
        return bits

    @classmethod
    def _symbolic_mode_to_octal(cls, path_stat, symbolic_mode):
        is_directory = stat.S_ISDIR(path_stat.st_mode)
        return modes.resolve(symbolic_mode, stat.S_IMODE(path_stat.st_mode), is_directory)

    def set_attributes_if_different(self, path, attributes, changed, diff=None, expand=True):
        """Give a path flags as chattr(1) has them."""
        if attributes is None:
            return changed
        place = _expanded(path, expand)
        if self.check_file_absent_if_check_mode(place):
            return True
        before = self.get_file_attributes(place, include_version=False).get("attr_flags", "")
        sign, flags = "=", attributes
        if attributes.startswith(("-", "+")):
            sign, flags = attributes[0], attributes[1:]
        if not flags or (before == flags and sign != "-"):
            return changed
        program = self.get_bin_path("chattr")
        if not program:
            return changed
        _note(diff, "attributes", before, "{}{}".format(sign, flags))
        if not self.check_mode:
            try:
                status, out, err = self.run_command([program, "{}{}".format(sign, flags), place])
                if status != 0 or err:
                    raise Exception("Error while setting attributes: {}".format(out + err))
            except Exception as problem:
                self.fail_json(path=to_text(place), msg="chattr failed", details=to_native(problem))
        return True

    def get_file_attributes(self, path, include_version=True):
        """What lsattr(1) says of a path; empty where it cannot say anything."""
        program = self.get_bin_path("lsattr", False)
        if not program:
            return {}
        status, out, _ = self.run_command([program, "-vd" if include_version else "-d", path])
        words = out.split()
        if status != 0 or len(words) < 2:
            return {}
        found = {"version": words[0]} if include_version else {}
        flags = words[1 if include_version else 0].replace("-", "").strip()
        return dict(found, attr_flags=flags, attributes=format_attributes(flags))

    def set_fs_attributes_if_different(self, file_args, changed, diff=None, expand=True):
        """Give a path all attributes of ``load_file_common_arguments``."""
        path = file_args["path"]
        changed = self.set_context_if_different(path, file_args["secontext"], changed, diff)
        changed = self.set_owner_if_different(path, file_args["owner"], changed, diff, expand)
        changed = self.set_group_if_different(path, file_args["group"], changed, diff, expand)
        changed = self.set_mode_if_different(path, file_args["mode"], changed, diff, expand)
        return self.set_attributes_if_different(path, file_args["attributes"], changed, diff, expand)

    set_directory_attributes_if_different = set_fs_attributes_if_different
    set_file_attributes_if_different = set_fs_attributes_if_different

    def add_path_info(self, kwargs):
        """Add to a result what is to be said of the file that its ``path`` or ``dest`` names."""
        path = kwargs.get("path", kwargs.get("dest", None))
        if path is None:
            return kwargs
        place = to_bytes(path, errors="surrogate_or_strict")
        if not os.path.exists(place):
            return kwargs
        found = os.lstat(place)
        kwargs.update(uid=found.st_uid, gid=found.st_gid, size=found.st_size)
        try:
            kwargs["owner"] = pwd.getpwuid(found.st_uid).pw_name
        except KeyError:
            kwargs["owner"] = str(found.st_uid)
        try:
            kwargs["group"] = grp.getgrgid(found.st_gid).gr_name
        except KeyError:
            kwargs["group"] = str(found.st_gid)
        kwargs["mode"] = "0{:03o}".format(stat.S_IMODE(found.st_mode))
        if stat.S_ISLNK(found.st_mode):
            kwargs["state"] = "link"
        elif stat.S_ISDIR(found.st_mode):
            kwargs["state"] = "directory"
        else:
            kwargs["state"] = "hard" if found.st_nlink > 1 else "file"
        if self.selinux_enabled():
            kwargs["secontext"] = ":".join(self.selinux_context(path))
        return kwargs

    def digest_from_file(self, filename, algorithm):
        """The hex digest of a file, None where there is none.

        Args:
            algorithm: a name, or an object of ``hashlib``.
        """
        place = to_bytes(filename, errors="surrogate_or_strict")
        if not os.path.exists(place):
            return None
        if os.path.isdir(place):
            self.fail_json(msg="attempted to take checksum of directory: {}".format(filename))
        if not hasattr(algorithm, "hexdigest"):
            if algorithm not in AVAILABLE_HASH_ALGORITHMS:
                text = "Could not hash file '{}' with algorithm '{}'. Available algorithms: {}"
                known = ", ".join(AVAILABLE_HASH_ALGORITHMS)
                self.fail_json(msg=text.format(filename, algorithm, known))
            algorithm = AVAILABLE_HASH_ALGORITHMS[algorithm]()
        with open(os.path.realpath(place), "rb") as source:
            for block in iter(lambda: source.read(65536), b""):
                algorithm.update(block)
        return algorithm.hexdigest()

    def md5(self, filename):
        """The MD5 digest of a file."""
        if "md5" not in AVAILABLE_HASH_ALGORITHMS:
            raise ValueError("MD5 not available.  Possibly running in FIPS mode")
        return self.digest_from_file(filename, "md5")

    def sha1(self, filename):
        """The SHA-1 digest of a file."""
        return self.digest_from_file(filename, "sha1")

    def sha256(self, filename):
        """The SHA-256 digest of a file."""
        return self.digest_from_file(filename, "sha256")
