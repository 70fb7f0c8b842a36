"""JSON of what modules return."""

import datetime
import json
from collections.abc import Mapping

from stella_ops.remote.lib.module_utils.common.collections import is_sequence
from stella_ops.remote.lib.module_utils.common.text.converters import to_text


class AnsibleJSONEncoder(json.JSONEncoder):
    """Knows mappings, sets, dates and bytes; all else is its text."""

    def __init__(self, preprocess_unsafe=False, vault_to_text=False, **kwargs):
        super().__init__(**kwargs)

    def default(self, o):
        if isinstance(o, Mapping):
            return dict(o)
        if isinstance(o, (set, frozenset)) or is_sequence(o):
            return list(o)
        if isinstance(o, (datetime.date, datetime.datetime)):
            return o.isoformat()
        if isinstance(o, bytes):
            return to_text(o)
        return str(o)


def json_dump(structure):
    """JSON for people."""
    return json.dumps(structure, cls=AnsibleJSONEncoder, sort_keys=True, indent=4)


_json_dump = json_dump
