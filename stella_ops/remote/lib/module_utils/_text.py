"""The old name of ``common.text.converters``."""

import codecs

from stella_ops.remote.lib.module_utils.common.text.converters import to_bytes, to_native, to_text
from stella_ops.remote.lib.module_utils.six import binary_type, text_type

PY3 = True

__all__ = ["PY3", "binary_type", "codecs", "text_type", "to_bytes", "to_native", "to_text"]
