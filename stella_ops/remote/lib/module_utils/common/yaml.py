"""YAML, where this Python has it."""

HAS_YAML = False
HAS_LIBYAML = False
YAML_IMPORT_ERR = None
yaml_load = yaml_load_all = yaml_dump = yaml_dump_all = None
try:
    import functools

    import yaml

    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    SafeDumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    HAS_YAML = True
    HAS_LIBYAML = hasattr(yaml, "CSafeLoader")
    yaml_load = functools.partial(yaml.load, Loader=SafeLoader)
    yaml_load_all = functools.partial(yaml.load_all, Loader=SafeLoader)
    yaml_dump = functools.partial(yaml.dump, Dumper=SafeDumper)
    yaml_dump_all = functools.partial(yaml.dump_all, Dumper=SafeDumper)
except ImportError:
    import traceback

    YAML_IMPORT_ERR = traceback.format_exc()
