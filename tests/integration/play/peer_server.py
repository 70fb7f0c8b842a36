"""Runs ansible-core's ``ansible-playbook`` many times and imports it once: started with ansible-core's own Python.

A request is a line of JSON on the standard input: ``args``, ``cwd``, ``environment``, and the files ``stdout`` and
``stderr``. Each is carried out by a fork, the way ``ansible-playbook`` itself begins once it has imported what it
needs; the answer is a line with its exit status. ansible-core reads its settings at import, from this process's
environment: whoever wants others starts ``ansible-playbook`` itself.

Most of its time goes into what ansible-core does again in every run, and the Python of a host in every task. Here it
is done once, with the same outcome: plug-ins that every run asks for are imported and what they say of their options
is read before the first fork; modules as they are packed for hosts are kept from run to run; and beside each source in
them stands what Python makes of it, where Python looks for that before it compiles the source.
"""

from __future__ import annotations

import base64
import copy
import functools
import gc
import importlib
import importlib.util
import io
import json
import marshal
import os
import select
import signal
import sys
import tempfile
import traceback
import warnings
import zipfile
from pathlib import Path
from typing import Any

import ansible.cli.playbook
import ansible.constants
import ansible.executor.module_common
import ansible.executor.process.worker
import ansible.module_utils.connection
import ansible.playbook.handler_task_include
import ansible.playbook.included_file
import ansible.playbook.role_include
import ansible.plugins.connection
import ansible.plugins.inventory
import ansible.plugins.loader as loaders
import ansible.plugins.shell
import ansible.plugins.strategy
import ansible.plugins.vars
import ansible.utils.collection_loader._collection_finder as collection_finder

LONGEST = float(sys.argv[1])  # seconds
PACKED = Path(sys.argv[2])  # where packed modules are kept

# Plug-ins that a run asks for, whatever is in its playbook.
_PLUGINS = {
    loaders.become_loader: ("su", "sudo"),
    loaders.cache_loader: ("memory",),
    loaders.callback_loader: ("default", "junit", "minimal", "oneline", "tree"),
    loaders.connection_loader: ("local", "paramiko_ssh", "psrp", "ssh", "winrm"),
    loaders.inventory_loader: ("auto", "host_list", "ini", "script", "toml", "yaml"),
    loaders.shell_loader: ("cmd", "powershell", "sh"),
    loaders.strategy_loader: ("linear",),
    loaders.vars_loader: ("host_group_vars",),
}
# Where a playbook's own modules and what they import may be: a module of ansible-core's may be another there.
_OWN_CODE = ("library", "module_utils", "plugins", "ansible_collections")


@functools.cache
def bytecode(source: bytes) -> bytes:
    """What Python would write into a ``.pyc`` for a source, as one that is not checked against it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(source, "module", "exec", dont_inherit=True)
    header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
    return header + marshal.dumps(code)


def compiled(zip_data: bytes) -> bytes:
    """A module as it is packed for hosts, with the bytecode of each source beside it."""
    packed = io.BytesIO(base64.b64decode(zip_data))
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as files:
        for info in files.infolist():
            try:
                files.writestr(f"{info.filename}c", bytecode(files.read(info)))
            except SyntaxError:
                continue  # the host will say so
    return base64.b64encode(packed.getvalue())


def keep_compiled() -> None:
    """Have modules packed with their bytecode, and what most of them import compiled before the first fork."""
    kind = ansible.executor.module_common._CachedModule
    dump = kind.dump

    def dump_compiled(module: Any, path: str) -> None:
        object.__setattr__(module, "zip_data", compiled(module.zip_data))
        dump(module, path)

    kind.dump = dump_compiled
    for name, module in sorted(sys.modules.items()):
        if name.startswith("ansible.module_utils.") and (file := getattr(module, "__file__", None)):
            bytecode(Path(file).read_bytes())


def load_plugins() -> None:
    """Import plug-ins, and read their options and the table of names that have moved."""
    for loader, names in _PLUGINS.items():
        for name in names:
            plugin = importlib.import_module(f"{loader.package}.{name}")
            loader._load_config_defs(name, plugin, str(plugin.__file__))
    read = functools.cache(collection_finder._meta_yml_to_dict)
    collection_finder._meta_yml_to_dict = lambda text, content: copy.deepcopy(read(text, content))
    table = Path(str(ansible.__file__)).with_name("config") / "ansible_builtin_runtime.yml"
    read(table.read_bytes(), ("ansible.builtin", "runtime.yml"))


def carry_out(request: dict[str, Any]) -> int:
    """What is left of the program when it is imported; its exit status."""
    for number, name, how in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["stdout"], os.O_WRONLY | os.O_CREAT),
        (2, request["stderr"], os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(name, how, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    # Made at import, like the settings, but every run has one of its own.
    own = Path(request["environment"]["ANSIBLE_HOME"], "tmp")
    own.mkdir(parents=True, exist_ok=True)
    ansible.constants.DEFAULT_LOCAL_TMP = tempfile.mkdtemp(prefix="ansible-local-", dir=own)
    if not any(found for name in _OWN_CODE for found in Path().rglob(name)):
        Path(ansible.constants.DEFAULT_LOCAL_TMP, "ansiballz_cache").symlink_to(PACKED)
    sys.argv = ["ansible-playbook", *request["args"]]
    try:
        ansible.cli.playbook.main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def in_child(request: dict[str, Any]) -> None:
    """Never returns."""
    status = 70
    try:
        status = carry_out(request)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    keep_compiled()
    load_plugins()
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            in_child(request)
        child = os.pidfd_open(pid)
        if not select.select([child], [], [], LONGEST)[0]:
            os.kill(pid, signal.SIGABRT)  # faulthandler then says where it hangs
        os.close(child)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


main()
