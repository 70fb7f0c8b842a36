"""The modules of ansible-core that plug-ins import, answered by our own while a plug-in is loaded or runs.

A real ansible-core, where one is installed, answers for itself: nothing here takes its place.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from types import ModuleType
from typing import Any

import yaml

from stella_ops.templating.plugins import ansible_errors, ansible_parts, ansible_text, lookup_base
from stella_ops.templating.plugins.ansible_display import Display
from stella_ops.templating.plugins.finders import CollectionFinder, UtilsFinder, installed, names_imported, ours
from stella_ops.templating.plugins.lookup_base import LookupBase
from stella_ops.templating.plugins.option_types import converted

_LOADED = ("lookup", "action", "filter", "test", "connection", "become")
_depth = 0
_imported: dict[str, ModuleType] = {}  # what plug-ins imported besides ``_modules()``


@contextlib.contextmanager
def answered() -> Iterator[None]:
    """Imports of ``ansible`` work in the block."""
    global _depth
    modules = _modules()
    if _depth:
        yield
        return
    _depth += 1
    sys.modules.update(modules)
    sys.modules.update(_imported)
    try:
        with installed([CollectionFinder(), *([UtilsFinder()] if modules else [])]):
            yield
    finally:
        _depth -= 1
        if modules:
            for name in names_imported("ansible"):
                _imported[name] = sys.modules.pop(name)


@functools.cache
def _modules() -> dict[str, ModuleType]:
    """Our modules by name; none where ansible-core is installed."""
    try:
        if importlib.util.find_spec("ansible") is not None:
            return {}
    except (ImportError, ValueError):
        pass
    from stella_ops.templating.plugins import (
        ansible_config,
        ansible_loaders,
        ansible_own_plugins,
        inventory_base,
        inventory_views,
    )

    text, parts = ansible_text, ansible_parts
    texts = _names(text, "to_text", "to_bytes", "to_native", "jsonify", "container_to_text", "container_to_bytes")
    six = {
        **{"string_types": (str,), "integer_types": (int,), "text_type": str, "binary_type": bytes, "PY2": False},
        **{"PY3": True, "iteritems": lambda each: iter(each.items()), "itervalues": lambda each: iter(each.values())},
        **{"class_types": (type,), "with_metaclass": lambda meta, *bases: meta("Base", bases or (object,), {})},
        **{"iterkeys": lambda each: iter(each), "raise_from": text.raise_from},
    }
    collections = {
        **_names(text, "is_sequence", "is_iterable", "is_string", "ImmutableDict", "count"),
        **{"Mapping": Mapping, "Sequence": Sequence, "Set": Set},
    }
    errors = {name: value for name, value in vars(ansible_errors).items() if name.startswith("Ansible")}
    display = {"Display": Display}
    contents: dict[str, dict[str, Any]] = {
        "": {"__version__": text.VERSION},
        "release": {"__version__": text.VERSION},
        "errors": errors,
        "constants": ansible_config.constants(),
        "module_utils": {},
        "module_utils._text": texts,
        "module_utils.six": six,
        "module_utils.six.moves": {"range": range, "zip": zip, "map": map, "filter": filter, "input": input},
        "module_utils.common": {},
        "module_utils.common.text": {},
        "module_utils.common.text.converters": texts,
        "module_utils.common.text.formatters": _names(text, "bytes_to_human", "human_to_bytes"),
        "module_utils.common.collections": collections,
        "module_utils.common._collections_compat": collections,
        "module_utils.common.dict_transformations": _names(text, "dict_merge", "recursive_diff"),
        "module_utils.common.json": {"json": json},
        "module_utils.parsing": {},
        "module_utils.parsing.convert_bool": _names(text, "boolean", "BOOLEANS", "BOOLEANS_TRUE", "BOOLEANS_FALSE"),
        "module_utils.compat": {},
        "module_utils.compat.version": _names(text, "LooseVersion", "StrictVersion"),
        "config": {},
        "config.manager": {"ensure_type": lambda value, value_type, *origin, **more: converted(value, value_type)},
        "parsing": {},
        "parsing.utils": {},
        "parsing.utils.addresses": _names(text, "parse_address"),
        "parsing.splitter": {**_names(text, "parse_kv"), **_names(parts, "split_args")},
        "parsing.ajson": _names(parts, "AnsibleJSONDecoder", "AnsibleJSONEncoder"),
        "parsing.vault": _names(parts, "VaultHelper", "VaultLib"),
        "parsing.yaml": {},
        "parsing.yaml.objects": {
            **_names(parts, "AnsibleVaultEncryptedUnicode"),
            **{"AnsibleUnicode": str, "AnsibleMapping": dict, "AnsibleSequence": list},
        },
        "parsing.yaml.dumper": {"AnsibleDumper": yaml.SafeDumper},
        "parsing.yaml.loader": {"AnsibleLoader": yaml.SafeLoader},
        "plugins": _names(lookup_base, "AnsiblePlugin"),
        "parsing.dataloader": {"DataLoader": inventory_base.FolderLoader},
        "inventory": {},
        "inventory.host": _names(inventory_views, "Host"),
        "inventory.group": {
            **_names(inventory_views, "Group"),
            **{"to_safe_group_name": inventory_base.group_name},
        },
        "inventory.data": _names(inventory_views, "InventoryData"),
        "inventory.manager": _names(inventory_views, "InventoryData"),
        "plugins.inventory": _names(
            inventory_base,
            *("BaseInventoryPlugin", "BaseFileInventoryPlugin", "Constructable", "Cacheable", "detect_range"),
            *("to_safe_group_name", "AnsibleError", "AnsibleParserError"),
        ),
        "plugins.vars": _names(inventory_base, "BaseVarsPlugin"),
        "vars": {},
        "plugins.loader": {
            "module_loader": ansible_loaders.PluginLoader("modules"),
            **{f"{kind}_loader": ansible_loaders.PluginLoader(kind) for kind in _LOADED},
        },
        "plugins.callback": _names(parts, "CallbackBase"),
        "plugins.lookup": {"LookupBase": LookupBase, **display},
        **ansible_own_plugins.contents(),
        "template": {
            **_names(parts, "Templar"),
            **_names(text, "trust_as_template", "is_trusted_as_template", "accept_args_markers"),
        },
        "utils": {},
        "utils.display": display,
        "utils.vars": _names(text, "merge_hash", "combine_vars", "transform_to_native_types"),
        "utils.cmd_functions": _names(parts, "run_cmd"),
        "utils.unsafe_proxy": _names(text, "wrap_var", "AnsibleUnsafeText", "AnsibleUnsafe"),
        "utils.listify": _names(text, "listify_lookup_plugin_terms"),
        "utils.path": _names(text, "unfrackpath", "makedirs_safe"),
        "utils.hashing": _names(text, "checksum_s", "md5s", "secure_hash_s"),
        "utils.encrypt": _names(text, "do_encrypt", "passlib_or_crypt", "random_password", "random_salt"),
    }
    return _tree(contents)


def _names(source: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(source, name) for name in names}


def _tree(contents: Mapping[str, Mapping[str, Any]]) -> dict[str, ModuleType]:
    made: dict[str, ModuleType] = {}
    for name, values in contents.items():
        full = f"ansible.{name}" if name else "ansible"
        module = ModuleType(full, "What plug-ins ask of ansible-core, answered by stella-ops.")
        module.__path__ = []
        for key, value in values.items():
            setattr(module, key, value)
        if name.startswith("module_utils."):
            _fall_back(module, name.removeprefix("module_utils."))
        made[full] = module
        parent, _, last = full.rpartition(".")
        if parent:
            setattr(made[parent], last, module)
    return made


def _fall_back(module: ModuleType, short: str) -> None:
    """Names that a module has not are taken from ours that answers on hosts."""

    def find(name: str) -> Any:
        other = None if name.startswith("__") else ours(short)
        if other is None or not hasattr(other, name):
            raise AttributeError(f"module '{module.__name__}' has no attribute '{name}'")
        return getattr(other, name)

    module.__getattr__ = find  # type: ignore[method-assign]
