"""Put content that the controller streams, or a file of the host itself, in its place."""

import hashlib
import io
import os
import stat

from stella_ops.remote.lib import atomic, delta, difftext, files, incoming, modes, partial
from stella_ops.remote.lib.files import FILE_ATTRIBUTES

ARGUMENTS = {
    "dest": {"type": "path", "required": True},
    "src": {"type": "path"},
    "content": {"type": "str", "untold": True},
    "remote_src": {"type": "bool", "default": False},
    "directory_mode": {"type": "raw"},
    "force": {"type": "bool", "default": True, "aliases": ["thirsty"]},
    "backup": {"type": "bool", "default": False},
    "validate": {"type": "str"},
    "follow": {"type": "bool", "default": False},
    "checksum": {"type": "str"},
    "decrypt": {"type": "bool", "default": True},
    "local_follow": {"type": "bool", "default": True},
    # From the controller: what the streamed content is (SHA-256 and SHA-1 in hex, bytes), how it is streamed
    # (see stella_ops/transport/sending.py), the base name of its source, and whether missing parents are made, as
    # for the files of a copied folder.
    "_content_sha256": {"type": "str"},
    "_content_sha1": {"type": "str"},
    "_content_stream": {"type": "dict"},
    "_content_size": {"type": "int"},
    "_source_name": {"type": "str"},
    "_make_parents": {"type": "bool", "default": False},
    **FILE_ATTRIBUTES,
}


def run(task):
    """Return ansible-core's keys of ``copy``, and ``sha256``.

    Without content, and when the host does not have it yet, the answer is ``need_content: true``: the
    controller then calls again and streams it.
    """
    args = task.args
    if not args["remote_src"]:
        stream = task.content
        if stream is None and args["content"] is not None:
            stream = io.BytesIO(args["content"].encode("utf-8"))
        told = (args["_content_sha256"], args["_content_size"], args["_content_sha1"], args["_content_stream"])
        return place(task, Source(stream, *told), target(task), wanted(task))
    if not args["src"]:
        task.fail("remote_src needs src, the file on the host to copy")
    found = files.look(args["src"], follow=True)
    if found is None:
        task.fail("Source {} not found".format(args["src"]), "with remote_src it is looked for here")
    if stat.S_ISDIR(found.st_mode):
        return copy_tree(task)
    if not stat.S_ISREG(found.st_mode):
        task.fail("Cannot copy invalid source '{}': not a file".format(args["src"]), "a device or pipe has no end")
    return place_file(task, args["src"], target(task), wanted(task, found))


class Source(object):
    """Bytes on their way in: a stream read once, or only the knowledge of what it would hold.

    ``sha1`` is believed when the SHA-256 that came with it is right: it is for the result alone.
    """

    def __init__(self, stream, sha256=None, size=None, sha1=None, how=None):
        self.stream = stream
        self.sha256 = sha256.lower() if sha256 else None
        self.sha1 = sha1.lower() if sha1 and sha256 else None
        self.size = size
        self.head = None
        self.arrived = 0
        how = how or {}
        self.start = int(how.get("start") or 0)
        self.packed = bool(how.get("packed"))
        self.plan = how.get("plan")

    def read(self, write, kept=None, old=None):
        """Pass all bytes to ``write``; afterwards hashes, size and head are known.

        Args:
            kept: descriptor of a file that holds the first bytes already; those are not written again.
            old: path of the file that the new content is made from, as far as it is not sent.

        Raises:
            Unusable: what the controller relied on is not there (any more).
        """
        sha256 = hashlib.sha256()
        sha1 = hashlib.new("sha1") if self.sha1 is None else None
        head = bytearray()
        self.arrived = 0
        for piece, fresh in self.pieces(kept, old):
            sha256.update(piece)
            if sha1 is not None:
                sha1.update(piece)
            self.arrived += len(piece)
            if len(head) <= difftext.LIMIT:
                head += piece[: difftext.LIMIT + 1 - len(head)]
            if fresh:
                write(piece)
        if self.sha256 is not None and self.sha256 != sha256.hexdigest():
            if self.start or self.plan:
                raise Unusable()
            raise files.FileError(
                "the content arrived damaged: {} bytes with SHA-256 {}, expected {}".format(
                    self.arrived, sha256.hexdigest(), self.sha256
                )
            )
        self.sha256, self.size, self.head = sha256.hexdigest(), self.arrived, bytes(head)
        if sha1 is not None:
            self.sha1 = sha1.hexdigest()

    def pieces(self, kept, old):
        """All buffers of the content, and whether each is still to be written."""
        if self.start:
            for piece in partial.read(kept, self.start):
                yield piece, False
            if self.arrived < self.start:
                raise Unusable()
        stream = incoming.chunks(self.stream) if self.packed else incoming.plain(self.stream)
        if self.plan is None:
            for piece in stream:
                yield piece, True
            return
        try:
            fd = os.open(old, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            raise Unusable()
        try:
            for piece in delta.rebuild(self.plan, stream, fd):
                yield piece, True
        except (OSError, delta.OldFileError):
            raise Unusable()
        finally:
            os.close(fd)

    @property
    def ended_early(self):
        """Whether fewer bytes came than were announced, as when the connection is cut."""
        return self.size is not None and self.arrived < self.size


class Unusable(Exception):
    """What lies on the host does not give the new content: all of it has to be sent."""


def wanted(task, source=None, mode_argument="mode"):
    """The attributes that the arguments ask for; mode "preserve" takes those of the source."""
    if task.args[mode_argument] != "preserve":
        return files.wanted(task, mode_argument)
    if source is None:
        task.fail("mode 'preserve' needs the source's own mode, which the controller did not send")
    return files.wanted(task, mode=stat.S_IMODE(source.st_mode))


def target(task):
    """The file to write: below ``dest`` when that is a folder, behind its links when asked to follow."""
    args = task.args
    dest = args["dest"]
    name = os.path.basename(args["_source_name"] or args["src"] or "")
    if dest.endswith("/") or os.path.isdir(dest):
        if not name:
            task.fail("can not use content with a dir as dest: {}".format(dest))
        dest = os.path.join(dest, name)
    if args["follow"] and os.path.islink(dest):
        dest = os.path.realpath(dest)
    if os.path.isdir(dest) and (args["follow"] or not os.path.islink(dest)):
        task.fail("{} is a directory, so no file can be written there".format(dest))
    return dest


def place_file(task, source, dest, attributes):
    """Copy one file of the host."""
    same = os.path.exists(dest) and os.path.samefile(source, dest) and not os.path.islink(dest)
    try:
        if task.args["checksum"]:
            as_expected(task, files.digest(source, "sha1")[0])
        with open(source, "rb") as stream:
            if same:
                result = only_attributes(task, dest, attributes, Source(stream))
                del result["sha256"]  # nobody has asked for it
            else:
                result = place(task, Source(stream), dest, attributes)
    except OSError as error:
        task.fail("cannot read {}: {}".format(source, error.strerror))
    result["src"] = source
    # Of large files it would cost more than it is worth.
    if result.get("size", 0) <= files.CHUNK:
        try:
            result["md5sum"] = files.digest(source, "md5")[0]
        except (OSError, ValueError):
            pass  # a host that is bound to FIPS 140
    return result


def as_expected(task, found):
    """Fail where ``checksum`` names another SHA-1 than that of what is to be copied."""
    expected = task.args["checksum"]
    if expected and found != expected.lower():
        words = "Copied file does not match the expected checksum. Transfer failed."
        task.fail(words, checksum=found, expected_checksum=expected)


def place(task, source, dest, attributes):
    """Make ``dest`` hold the source's bytes with these attributes; returns the module's result."""
    args = task.args
    old = files.look(dest)
    if old is not None and not args["force"]:
        return answer(dest, False, msg="file already exists")
    regular = old is not None and stat.S_ISREG(old.st_mode)
    if old is not None and not regular and not stat.S_ISLNK(old.st_mode):
        task.fail("{} is a device, pipe or socket, and is not replaced by a file".format(dest))
    made = parents(task, dest)
    # Where the hash is known beforehand, what is there has been compared before any byte is read.
    known = source.sha256 is not None
    if regular and known and source.size in (None, old.st_size):
        if sha256_of(dest) == source.sha256:
            return only_attributes(task, dest, attributes, source)
    folder = os.path.dirname(dest) or "."
    if not (args["unsafe_writes"] or task.check_mode or os.access(folder, os.W_OK)):
        task.fail("Destination {} not writable".format(folder), "files are made in their folder, and renamed")
    if source.sha1 is not None:
        as_expected(task, source.sha1)
    needs_bytes = not task.check_mode or (task.diff_mode and (source.size or 0) <= difftext.LIMIT)
    if source.stream is None:
        if source.sha256 is None:
            task.fail("there is nothing to copy: no src, no content")
        if needs_bytes:
            return need_content(task, source, dest, old if regular else None)
    before = difftext.head(dest) if regular and task.diff_mode else None
    if task.check_mode:
        if source.stream is not None:
            source.read(lambda chunk: None)
            if regular and not known and sha256_of(dest) == source.sha256:
                return only_attributes(task, dest, attributes, source)
        result = {"changed": True, "dest": dest, "checksum": source.sha1, "sha256": source.sha256}
        result["size"] = source.size
    else:
        try:
            part = keep_part(source, dest)
            with atomic.Replacement(dest, named=bool(args["validate"]), warn=task.warn, part=part) as new:
                try:
                    source.read(new.write, part and part[0], dest)
                except (files.FileError, incoming.StreamError):
                    new.keep = part is not None and source.ended_early
                    raise
                if regular and not known and sha256_of(dest) == source.sha256:
                    return only_attributes(task, dest, attributes, source)
                if args["validate"]:
                    new.flush()
                    # Few files are validated, and starting programs takes longer to import than to do.
                    from stella_ops.remote.lib import validation

                    validation.check(task, args["validate"], new.temporary, details=True)
                kept = atomic.backup(dest) if args["backup"] and regular else None
                new.commit(attributes, in_place=args["unsafe_writes"])
        except Unusable:
            return {"changed": False, "need_content": True, "dest": dest}
        result = answer(dest, True, checksum=source.sha1, sha256=source.sha256)
        if kept:
            result["backup_file"] = kept
    if task.diff_mode:
        after = source.head
        if after is None:  # check mode, and too long to be shown
            after = b"x" * (difftext.LIMIT + 1)
        result["diff"] = difftext.of_content(before, after, dest, args["_source_name"] or args["src"] or dest)
        if made:
            result["diff"]["prepared"] = "directories made: {}".format(", ".join(made))
        result["diff"] = [result["diff"]]
    return result


def need_content(task, source, dest, old):
    """The answer when content is to be sent; ``old`` is the status of the regular file there, or None.

    It says what there is already: the part that arrived before a cut, and the blocks of the old file.
    """
    have = {"packed": True}
    size = source.size or 0
    if not task.check_mode and size >= partial.LEAST:
        part = partial.told(dest, size)
        if part is not None:
            have["have"] = part
    if old is not None and size >= delta.LEAST and delta.LEAST <= old.st_size <= delta.MOST:
        try:
            fd = os.open(dest, os.O_RDONLY | os.O_CLOEXEC)
            try:
                have["blocks"] = delta.signature(fd, old.st_size)
            finally:
                os.close(fd)
        except OSError:
            pass  # ours to replace, but not to read
    return {"changed": False, "need_content": True, "dest": dest, "content": have}


def keep_part(source, dest):
    """Where a large content is collected, such that a cut leaves it: descriptor and path; None for any other."""
    if source.start:
        fd = partial.reopen(dest, source.start)
        if fd is None:
            raise Unusable()
        return fd, partial.path_for(dest)
    if source.sha256 is None or (source.size or 0) < partial.LEAST:
        partial.discard(dest)
        return None
    fd = partial.create(dest)
    return None if fd is None else (fd, partial.path_for(dest))


def parents(task, dest):
    """Make the missing folders above ``dest`` when they may be made; returns those."""
    folder = os.path.dirname(dest) or "."
    if os.path.isdir(folder):
        return []
    if not (task.args["_make_parents"] or task.args["dest"].endswith("/")):
        message = "Destination directory {} does not exist".format(folder)
        if not task.check_mode:
            task.fail(message, "where dest ends with '/', it is made")
        task.warn(message + " (in check mode, a task before this one may be what makes it)")
        return []
    made = files.make_directories(folder, task.check_mode)
    for directory in made:
        if not task.check_mode:
            files.set_attributes(directory, wanted(task, mode_argument="directory_mode"))
    return made


def only_attributes(task, dest, attributes, source):
    """The bytes are right already: those of the source."""
    before, after = {}, {}
    changed = files.set_attributes(dest, attributes, task.check_mode, before, after)
    sha1 = source.sha1 or files.digest(dest, "sha1")[0]
    result = answer(dest, changed, checksum=sha1, sha256=source.sha256, path=dest)
    if task.diff_mode:
        result["diff"] = difftext.of_attributes(dest, before, after)
    return result


def answer(dest, changed, **more):
    """The result's keys about the file."""
    result = {"changed": changed, "dest": dest}
    result.update(files.describe(dest))
    result.update(more)
    return result


def sha256_of(path):
    """SHA-256 of a file in hex; None when it cannot be read, which makes it different from everything."""
    try:
        return files.digest(path, "sha256")[0]
    except OSError:
        return None


def copy_tree(task):
    """Copy a folder of the host: its contents when ``src`` ends with "/", else the folder itself."""
    src, dest = task.args["src"], task.args["dest"]
    if os.path.lexists(dest) and not os.path.isdir(dest):
        task.fail("{} is not a directory, and src {} is one".format(dest, src))
    root = dest if src.endswith("/") else os.path.join(dest, os.path.basename(src))
    real = os.path.realpath(src)
    if (os.path.realpath(root) + "/").startswith(real + "/"):
        task.fail("{} lies inside {}, so it cannot take a copy of it".format(root, src))
    changed = False
    task.args["_make_parents"] = True
    task.args["_source_name"] = None
    for folder, directories, names in os.walk(real, followlinks=False):
        below = os.path.normpath(os.path.join(root, os.path.relpath(folder, real)))
        changed = same_directory(task, folder, below) or changed
        links = [name for name in directories if os.path.islink(os.path.join(folder, name))]
        for name in sorted(links + names):
            source, copy = os.path.join(folder, name), os.path.join(below, name)
            if os.path.islink(source):
                changed = same_link(task, source, copy) or changed
            elif os.path.isfile(source):
                attributes = wanted(task, os.stat(source))
                changed = place_file(task, source, copy, attributes)["changed"] or changed
            else:
                task.warn("{} is no regular file and was not copied".format(source))
    return answer(dest, changed, src=src, checksum=None, md5sum=None)


def same_directory(task, source, dest):
    """Make a folder like another; True when something changed."""
    made = files.make_directories(dest, task.check_mode)
    if task.check_mode and made:
        return True
    attributes = wanted(task, os.stat(source), "directory_mode")
    if made and attributes.mode is None and task.args["mode"] == "preserve":
        attributes.mode = modes.show(os.stat(source).st_mode)
    return files.set_attributes(dest, attributes, task.check_mode) or bool(made)


def same_link(task, source, dest):
    """Make a link like another; True when something changed."""
    leads_to = os.readlink(source)
    if os.path.islink(dest) and os.readlink(dest) == leads_to:
        return False
    if os.path.lexists(dest):
        if not task.args["force"] or (os.path.isdir(dest) and not os.path.islink(dest)):
            task.fail("{} is in the way of a link".format(dest))
    if not task.check_mode:
        fresh = os.path.join(os.path.dirname(dest), "{}link-{}".format(atomic.PREFIX, os.getpid()))
        os.symlink(leads_to, fresh)
        os.rename(fresh, dest)
    return True
