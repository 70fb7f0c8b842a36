"""How asyncssh is imported, each time in a new interpreter."""

import subprocess
import sys

SCRIPT = """
import os, sys
started = []

def watch(event, about):
    if event == "subprocess.Popen":
        started.append(os.path.basename(str(about[0])))

sys.addaudithook(watch)
before = dict(os.environ)
from stella_ops.transport.ssh_library import import_asyncssh
{}
import_asyncssh()
{}
"""


def said(after: str, before: str = "") -> str:
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(before, after)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_no_compiler_is_started() -> None:
    # What cannot be found is asked for all the same: the kernel says no where there is no PATH to look in.
    assert set(said("print(*started)").split()) <= {"ldconfig", "ld"}
    assert said("import shutil; print(os.environ == before, shutil.which('sh') is not None)") == "True True"


def test_it_stays_as_it_was_without_a_path() -> None:
    assert said("print('PATH' in os.environ)", before="os.environ.pop('PATH', None)") == "False"


def test_x509_is_left_out_of_asyncssh_alone() -> None:
    assert said("print('cryptography.x509' in sys.modules, 'asyncssh.crypto.x509' in sys.modules)") == "False False"
    # The certificate authority needs it, in the same process.
    assert said("import stella_ops.pki.authority; print('cryptography.x509' in sys.modules)") == "True"


def test_asyncssh_that_is_there_already_is_left_alone() -> None:
    assert said(
        "print(sys.modules['asyncssh'] is asyncssh, not started)", before="import asyncssh; started.clear()"
    ) == ("True True")
