"""Mounted filesystems, with their sizes."""

import os
import threading

from stella_ops.remote.lib.facts import sources

_REMOTE = ("9p", "afs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3")


def gather(timeout, table="/proc/self/mounts"):
    """mounts: one entry for "/" and each filesystem with a device or another host behind it."""
    links = uuids()
    found = []
    for line in sources.lines(table):
        fields = line.split(" ")
        if len(fields) < 4:
            continue
        device, place, kind, options = [unescape(field) for field in fields[:4]]
        backed = device.startswith(("/", "\\")) or ":/" in device or kind == "zfs"
        if not backed and place != "/":  # a container's root is an overlay, and its size still matters
            continue
        entry = {"device": device, "mount": place, "fstype": kind, "options": options}
        entry["uuid"] = links.get(os.path.realpath(device), "N/A") if device.startswith("/dev/") else "N/A"
        # mount(8)'s own table has these two from fstab; the kernel's says 0 for both.
        entry.update(dump=0, passno=0)
        entry.update(sizes(place, timeout if kind in _REMOTE else None))
        found.append(entry)
    return {"mounts": found}


def sizes(place, timeout):
    """Bytes and counts of statvfs(3). A file server that is silent for ``timeout`` seconds is left out."""
    if timeout is None:
        return _sizes(place)
    found = []  # type: list[dict[str, object]]
    asking = threading.Thread(target=lambda: found.append(_sizes(place)))
    asking.daemon = True
    asking.start()
    asking.join(timeout)
    return found[0] if found else {"note": "the file server did not answer in time"}


def uuids(folder="/dev/disk/by-uuid"):
    """UUID by real device path."""
    return {os.path.realpath(os.path.join(folder, name)): name for name in sources.names(folder)}


def unescape(field):
    """fstab(5): blanks and backslashes are written as octal numbers."""
    for code, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\043", "#"), ("\\134", "\\")):
        field = field.replace(code, letter)
    return field


def _sizes(place):
    try:
        told = os.statvfs(place)
    except OSError:
        return {}
    return {
        "size_total": told.f_frsize * told.f_blocks,
        "size_available": told.f_frsize * told.f_bavail,
        "block_size": told.f_bsize,
        "block_total": told.f_blocks,
        "block_available": told.f_bavail,
        "block_used": told.f_blocks - told.f_bavail,
        "inode_total": told.f_files,
        "inode_available": told.f_favail,
        "inode_used": told.f_files - told.f_favail,
    }
