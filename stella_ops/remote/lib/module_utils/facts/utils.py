"""Files read and file systems measured, without errors."""

import os


def get_file_content(path, default=None, strip=True):
    """What a file says; ``default`` where it says nothing or cannot be read."""
    try:
        # A pipe in its place must not hold us.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor) as source:
            text = source.read()
    except (OSError, ValueError, TypeError):
        return default
    return (text.strip() if strip else text) or default


def get_file_lines(path, strip=True, line_sep=None):
    """The lines of a file."""
    text = get_file_content(path, strip=strip)
    if not text:
        return []
    if line_sep is None:
        return text.splitlines()
    return (text.rstrip(line_sep) if len(line_sep) == 1 else text).split(line_sep)


def get_mount_size(mountpoint):
    """Bytes, blocks and inodes of a mounted file system; empty where it cannot be asked."""
    try:
        found = os.statvfs(mountpoint)
    except OSError:
        return {}
    return {
        "size_total": found.f_frsize * found.f_blocks,
        "size_available": found.f_frsize * found.f_bavail,
        "block_size": found.f_bsize,
        "block_total": found.f_blocks,
        "block_available": found.f_bavail,
        "block_used": found.f_blocks - found.f_bavail,
        "inode_total": found.f_files,
        "inode_available": found.f_favail,
        "inode_used": found.f_files - found.f_favail,
    }
