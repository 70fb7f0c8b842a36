"""Create, change or remove a file, a directory or a link."""

import errno
import grp
import os
import pwd
import time

from stella_ops.remote.lib import atomic, difftext, files
from stella_ops.remote.lib.files import FILE_ATTRIBUTES

ARGUMENTS = {
    "path": {"type": "path", "required": True, "aliases": ["dest", "name"]},
    "state": {"type": "str", "choices": ["absent", "directory", "file", "hard", "link", "touch"]},
    "src": {"type": "path"},
    "recurse": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
    "follow": {"type": "bool", "default": True},
    "access_time": {"type": "str"},
    "access_time_format": {"type": "str", "default": "%Y%m%d%H%M.%S"},
    "modification_time": {"type": "str"},
    "modification_time_format": {"type": "str", "default": "%Y%m%d%H%M.%S"},
    "_diff_peek": {"type": "bool"},
    "_original_basename": {"type": "str"},
    **FILE_ATTRIBUTES,
}


def run(task):
    """Return ansible-core's keys of ``file``: path (dest for links), state, mode, owner, group, size …"""
    args = task.args
    path = args["path"].rstrip("/") or args["path"][:1]  # else "link/" would mean what the link points to
    if args["src"] and args["state"] not in ("link", "absent") and os.path.isdir(path):
        path = os.path.join(path, os.path.basename(args["src"]))
    state = args["state"] or default_state(path, args)
    if args["recurse"] and state != "directory":
        task.fail("recurse option requires state to be 'directory'", "the state is '{}'".format(state), path=path)
    if args["src"] is not None and state not in ("link", "hard"):
        task.fail("src option requires state to be 'link' or 'hard'", "the state is '{}'".format(state), path=path)
    if state not in ("link", "hard", "absent") and args["follow"] and os.path.islink(path):
        path = os.path.realpath(path)
    if task.check_mode and state != "absent":
        warn_of_unknown(task)
    if args["_diff_peek"] is not None:
        return {"changed": False, "path": path, "appears_binary": is_binary(path)}
    return STATES[state](task, path)


def state_of(path):
    """What is at a path; absent where its folder may not be looked into, so that what fails is what was asked for."""
    try:
        return files.state_of(path)
    except files.FileError:
        return "absent"


def default_state(path, args):
    """What a task without ``state`` means: what is there, kept."""
    now = state_of(path)
    if now == "absent":
        return "directory" if args["recurse"] else "file"
    if now == "link" and args["follow"] and args["src"] is None:
        return "directory" if os.path.isdir(path) else "file"
    return now


def warn_of_unknown(task):
    """Say of an owner or group that this host has not got: a task before this one may make it in a real run."""
    for kind, name, know in (("user", task.args["owner"], pwd.getpwnam), ("group", task.args["group"], grp.getgrnam)):
        number = name.isdigit() if name else None
        known = {"user": pwd.getpwuid, "group": grp.getgrgid}[kind] if number else know
        try:
            if name:
                known(int(name) if number else name)
        except KeyError:
            shown = "with {}id {}".format(kind[0], name) if number else name
            words = "failed to look up {} {}. Create {} up to this point in real play"
            task.warn(words.format(kind, shown, kind))


def is_binary(path):
    """Whether the beginning of a file has a NUL; not so where it cannot be read."""
    try:
        with open(path, "rb") as source:
            return b"\0" in source.read(8192)
    except OSError:
        return False


def be_file(task, path):
    """The file must exist; only its attributes are changed."""
    now = state_of(path)
    if now == "absent":
        hint = "state 'touch' or the copy module makes it"
        task.fail("file ({}) is absent, cannot continue".format(path), hint, path=path, state=now)
    if now not in ("file", "hard") and not (now == "link" and not task.args["follow"]):
        task.fail("file ({}) is {}, cannot continue".format(path, now), path=path, state=now)
    return finish(task, path, False, {"state": now}, {"state": "file"})


def be_directory(task, path):
    """Make the directory with its parents; the new ones all get the attributes."""
    if os.path.islink(path) or (state_of(path) != "absent" and not os.path.isdir(path)):
        task.fail("{} already exists as a {}".format(path, files.state_of(path)), path=path)
    attributes = files.wanted(task)
    made = directories(task, path)
    before, after = {"state": "absent" if made else "directory"}, {"state": "directory"}
    if not task.check_mode:
        for directory in made:
            files.set_attributes(directory, attributes, before=before, after=after)
    changed = bool(made)
    if task.args["recurse"] and not (task.check_mode and made):
        changed = set_below(task, path, attributes) or changed
    return finish(task, path, changed, before, after)


def directories(task, path):
    """Make a directory and its parents; those that are new."""
    try:
        return files.make_directories(path, task.check_mode)
    except files.FolderError as error:
        words = "There was an issue creating {} as requested: {}"
        return task.fail(words.format(error.folder, error.said), path=path)


def be_absent(task, path):
    """Remove a file, or a directory with all it holds. A link is removed, never what it points to."""
    now = files.state_of(path)
    if now == "absent":
        return answer(task, path, False, {}, {})
    before = {"state": now}
    if now == "directory" and task.diff_mode:
        before["path_content"] = content_of(path)
    if not task.check_mode:
        try:
            if now == "directory":
                import shutil

                shutil.rmtree(path)
            else:
                os.unlink(path)
        except FileNotFoundError:
            pass  # gone in the meantime: what was wanted
        except OSError as error:
            said = files.system_words(error, error.filename or path)
            if now == "directory":
                task.fail("rmtree failed: {}".format(said))
            task.fail("Unlinking failed.", said, path=path)
    return answer(task, path, True, before, {"state": "absent"})


def content_of(root):
    """The names of all that a directory holds."""
    found = {"directories": [], "files": []}
    for folder, directories, names in os.walk(root):
        found["directories"] += [os.path.join(folder, name) for name in directories]
        found["files"] += [os.path.join(folder, name) for name in names]
    return found


def be_link(task, path):
    """Make a symbolic link with exactly the text of ``src``."""
    src, force = task.args["src"], task.args["force"]
    now = files.state_of(path)
    if src is None and now != "link":
        task.fail("src is required for creating new symlinks")
    old = os.readlink(path) if now == "link" else None
    if src is None and task.args["follow"] and os.path.exists(path):
        src = old
    real_folder = os.path.isdir(path) and now != "link"
    leads_to = os.path.join(path if real_folder else os.path.dirname(path), src or "")
    if not force and src is not None and not os.path.exists(leads_to):
        words = "src file does not exist, use 'force=yes' if you really want to create the link: {}"
        task.fail(words.format(leads_to), path=path, src=src)
    before, after = {"state": now}, {"state": "link"}
    changed = src is not None and old != src
    if changed:
        make_room(task, path, now, "link")
        if old is not None:
            before["src"], after["src"] = old, src
        if not task.check_mode:
            in_its_place(task, path, now, src, lambda fresh: os.symlink(src, fresh))
    if task.args["follow"] and os.path.islink(path) and not os.path.exists(path):
        task.warn(
            "Cannot set fs attributes on a non-existent symlink target. follow should be set to False to avoid this."
        )
        return dict(answer(task, path, changed, before, after), src=src)
    of = os.path.realpath(path) if task.args["follow"] and os.path.islink(path) else path
    result = finish(task, path, changed, before, after, of=of)
    result["src"] = src
    return result


def be_hard(task, path):
    """Give an existing file one more name."""
    src = task.args["src"]
    now = files.state_of(path)
    if src is None:
        if now != "hard":
            task.fail("src is required for creating new hardlinks")
        return dict(finish(task, path, False, {"state": now}, {"state": now}), src=None)
    found = files.look(src)
    if found is None:
        task.fail("src does not exist", src=src, dest=path)
    changed = now == "absent" or not os.path.samestat(os.lstat(path), found)
    before, after = {"state": now}, {"state": "hard"}
    if changed:
        if now == "link":
            before["src"], after["src"] = os.readlink(path), src
        make_room(task, path, now, "hard link")
        if not task.check_mode:
            in_its_place(task, path, now, src, lambda fresh: os.link(src, fresh, follow_symlinks=False))
    result = finish(task, path, changed, before, after)
    result["src"] = src
    return result


def be_touched(task, path):
    """Make an empty file, or set the times of what is there."""
    now = state_of(path)
    changed = now == "absent"
    for name in ("access_time", "modification_time"):
        moment(task, name, task.args[name] or "now", 0, 0)  # what is no time is said before a file is made
    if changed and task.check_mode:
        return {"changed": True, "dest": path}
    if changed:
        try:
            # Exclusively: a link that somebody puts there meanwhile would have a file made wherever it points.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except FileExistsError:
            pass  # someone else was quicker, which is as good
        except OSError as error:
            task.fail("Error, could not touch target.", files.system_words(error, path), path=path)
    return finish(task, path, changed, {"state": now}, {"state": "touch"}, default_time="now")


def finish(task, path, changed, before, after, default_time="preserve", of=None):
    """Attributes and times of what now exists, and the result.

    ``of`` is what they are of, where that is not the path itself.
    """
    of = of or path
    exists = files.look(of) is not None
    if exists or not task.check_mode:
        changed = files.set_attributes(of, files.wanted(task), task.check_mode, before, after) or changed
        changed = set_times(task, of, before, after, default_time) or changed
    return answer(task, path, changed, before, after)


def answer(task, path, changed, before, after):
    """The result, to which what there is of the file is added as of all results."""
    state = after.get("state")
    result = {"changed": changed, "dest" if state in ("link", "hard", "touch") else "path": path}
    if state is None or state == "absent":
        result["state"] = "absent"
    if task.diff_mode and after:
        result["diff"] = difftext.of_attributes(path, before, after)
    return result


def set_below(task, root, attributes):
    """The same attributes for all that a directory holds; what links point to is left alone."""
    changed = False
    for folder, directories, names in os.walk(root, followlinks=False):
        for name in directories + names:
            try:
                changed = files.set_attributes(os.path.join(folder, name), attributes, task.check_mode) or changed
            except files.FileError:
                if files.look(os.path.join(folder, name)) is not None:  # else removed while we walk
                    raise
    return changed


def set_times(task, path, before, after, default):
    """Times as asked: "preserve", "now", or a time in the given format. True when one changes."""
    found = files.look(path)
    if found is None:
        return default == "now"
    now = time.time()
    new = []
    times = (("access_time", "atime", found.st_atime_ns), ("modification_time", "mtime", found.st_mtime_ns))
    for name, key, old in times:
        value = moment(task, name, task.args[name] or default, old, now)
        new.append(value)
        if value != old:
            before[key], after[key] = old / 1e9, value / 1e9
    if new == [found.st_atime_ns, found.st_mtime_ns]:
        return False
    if not task.check_mode:
        try:
            os.utime(path, ns=(new[0], new[1]), follow_symlinks=False)
        except OSError as error:
            task.fail("cannot set the times of {}: {}".format(path, error.strerror), path=path)
    return True


def moment(task, name, text, old, now):
    """Nanoseconds since the epoch."""
    if text == "preserve":
        return old
    if text == "now":
        return int(now * 1e9)
    form = task.args[name + "_format"]
    try:
        return int(time.mktime(time.strptime(text, form))) * 1000000000
    except (ValueError, OverflowError) as error:
        hint = "{} is preserve, now, or a time like {}".format(name, time.strftime(form))
        return task.fail(
            "Error while obtaining timestamp for time {} using format {}: {}".format(text, form, error), hint
        )


def make_room(task, path, now, kind):
    """Refuse, or with force clear away, what stands where a link is to be."""
    if now in ("absent", "link"):
        return
    if not task.args["force"]:
        hint = "'force: true' replaces it"
        if kind == "link":
            task.fail("refusing to convert from {} to symlink for {}".format(now, path), hint, path=path)
        colon, what = (":" if now == "directory" else ","), "file" if now == "file" else "different hard link"
        words = "Cannot link{} {} exists at destination".format(colon, what)
        task.fail(words, hint, dest=path, src=task.args["src"])
    if now == "directory":
        if os.listdir(path):
            task.fail("the directory {} is not empty, refusing to convert it".format(path), path=path)
        if not task.check_mode:
            os.rmdir(path)


def in_its_place(task, path, now, src, make):
    """Make a link under another name and rename it, so that the path is never without."""
    fresh = os.path.join(os.path.dirname(path), "{}link-{}".format(atomic.PREFIX, os.getpid()))
    try:
        make(fresh)
        try:
            os.rename(fresh, path)
        finally:
            # rename(2) does nothing, and leaves both names, when they are the same file already.
            if os.path.lexists(fresh):
                os.unlink(fresh)
    except OSError as error:
        hint = "hard links cannot cross filesystems" if error.errno == errno.EXDEV else None
        doing = "linking" if now == "absent" else "replacing"
        words = "Error while {}: {} -> {!r}".format(doing, files.system_words(error, src), os.fsencode(path))
        task.fail(words, hint, path=path)


STATES = {
    "absent": be_absent,
    "directory": be_directory,
    "file": be_file,
    "hard": be_hard,
    "link": be_link,
    "touch": be_touched,
}
