"""A user's home folder and SSH key, and whether a text looks like a password's hash."""

import os
import re

from stella_ops.remote.lib import accounts, programs

# Length of the last part of a hash, by its scheme: crypt(5).
_LENGTHS = {"1": 22, "5": 43, "6": 86, "y": 43}


def is_hash(text):
    """True when a text is a hash that crypt(5) knows the form of, or one of the marks for "no password"."""
    if text in ("*", "!", "*************"):
        return True
    if "*" in text or "!" in text or "$" not in text:
        return False
    parts = text.split("$")
    if len(parts) < 3 or re.search(r"[^a-zA-Z0-9./=]", parts[-1]):
        return False
    return len(parts[-1]) == _LENGTHS.get(parts[1], len(parts[-1]))


def make_parents(task, home):
    """The folders above a home, which useradd(8) does not make."""
    parent = os.path.dirname(home.rstrip("/"))
    try:
        os.makedirs(parent, 0o755)
    except FileExistsError:
        pass
    except OSError as error:
        task.fail("cannot make {}: {}".format(parent, error.strerror))


def make(task, home, entry, skeleton):
    """A home folder from the skeleton, owned by its user.

    Args:
        entry: the user's ``struct_passwd``.
        skeleton: folder to copy; None for /etc/skel.
    """
    import shutil

    skeleton = skeleton or "/etc/skel"
    try:
        if os.path.isdir(skeleton):
            make_parents(task, home)
            shutil.copytree(skeleton, home, symlinks=True)
        else:
            os.makedirs(home)
        os.chmod(home, accounts.home_mode())
        for folder, directories, names in os.walk(home):
            for path in [folder] + [os.path.join(folder, name) for name in directories + names]:
                os.lchown(path, entry.pw_uid, entry.pw_gid)
    except OSError as error:
        task.fail("cannot make the home folder {}: {}".format(home, error.strerror or error))


def ssh_key(task, entry, result):
    """Make the user's SSH key when there is none, and add ssh_key_file, ssh_public_key, ssh_fingerprint."""
    args = task.args
    path = args["ssh_key_file"] or os.path.join(".ssh", "id_" + args["ssh_key_type"])
    if not os.path.isabs(path):
        if not os.path.isdir(entry.pw_dir) and not task.check_mode:
            task.fail("User {} home directory does not exist".format(args["name"]), name=args["name"])
        path = os.path.join(entry.pw_dir, path)
    keygen = programs.need(task, "ssh-keygen", "install the package 'openssh-client' (Debian) or 'openssh'")
    if _wanted(task, path):
        result["changed"] = True
        if not task.check_mode:
            _generate(task, keygen, path, entry)
    result["ssh_key_file"] = path
    if os.path.exists(path):
        said = programs.call(task, [keygen, "-l", "-f", path])
        result["ssh_fingerprint"] = (said.stdout if said.rc == 0 else said.stderr).strip()
        try:
            with open(path + ".pub") as source:
                result["ssh_public_key"] = source.read().strip()
        except OSError:
            result["ssh_public_key"] = None


def _wanted(task, path):
    for name, kind in ((path, "private"), (path + ".pub", "public")):
        if os.path.exists(name):
            if not task.args["force"]:
                task.warn(
                    'Found existing ssh key {} file "{}", no force, so skipping ssh-keygen generation'.format(
                        kind, name
                    )
                )
                return False
            task.warn('Overwriting existing ssh key {} file "{}"'.format(kind, name))
    return True


def _generate(task, keygen, path, entry):
    args = task.args
    folder = os.path.dirname(path)
    try:
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o700)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        for name in (path, path + ".pub"):
            if os.path.lexists(name):
                os.unlink(name)
    except OSError as error:
        task.fail("cannot make room for {}: {}".format(path, error.strerror), name=args["name"])
    words = [keygen, "-q", "-t", args["ssh_key_type"]]
    words += ["-b", str(args["ssh_key_bits"])] if args["ssh_key_bits"] > 0 else []
    words += ["-C", args["ssh_key_comment"], "-f", path]
    passphrase = args["ssh_key_passphrase"]
    if passphrase:
        _asked(task, words, passphrase)
    else:
        programs.do(task, words + ["-N", ""], name=args["name"])
    for name in (path, path + ".pub"):
        os.lchown(name, entry.pw_uid, entry.pw_gid)


def _asked(task, words, passphrase):
    """ssh-keygen with a terminal on which it asks for the passphrase: an argument could be seen by everybody."""
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execve(words[0], words, dict(os.environ, LC_ALL="C"))
        finally:
            os._exit(127)
    said = b""
    line = b""
    left = 2  # it asks once more, to be sure
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # EIO is how a terminal tells that nobody is at its other end
            break
        if not data:
            break
        said += data
        line = (line + data).split(b"\n")[-1]
        if left and b"passphrase" in line.lower() and line.rstrip().endswith(b":"):
            os.write(terminal, passphrase.encode("utf-8", "surrogateescape") + b"\n")
            left -= 1
            line = b""
    os.close(terminal)
    if os.waitpid(pid, 0)[1] != 0:
        task.fail("ssh-keygen: {}".format(said.decode("utf-8", "replace").strip()), name=task.args["name"])
