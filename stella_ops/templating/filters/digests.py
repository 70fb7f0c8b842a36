"""Hashes and stable identifiers."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Any

from stella_ops.errors import TemplateError
from stella_ops.spelling import did_you_mean
from stella_ops.templating.lazy import plain_text

_NAMESPACE = uuid.UUID("361e6d51-faec-444a-9079-341386da8e2e")  # ansible-core's, so that results agree


def digest(value: Any, hashtype: str = "sha1") -> str:
    """The hexadecimal digest of a text, by the name of an algorithm of ``hashlib``."""
    try:
        made = hashlib.new(hashtype, usedforsecurity=False)
    except ValueError:
        hint = did_you_mean(str(hashtype), hashlib.algorithms_available)
        raise TemplateError(f"unsupported hash type {hashtype}", hint=hint) from None
    made.update(plain_text(value).encode("utf-8", "surrogateescape"))
    return made.hexdigest()


def to_uuid(value: Any, namespace: Any = _NAMESPACE) -> str:
    """A version 5 UUID that is always the same for a text."""
    try:
        space = namespace if isinstance(namespace, uuid.UUID) else uuid.UUID(str(namespace))
    except ValueError:
        raise TemplateError(
            f"Invalid value '{namespace}' for 'namespace': badly formed hexadecimal UUID string"
        ) from None
    return str(uuid.uuid5(space, plain_text(value)))


FILTERS: dict[str, Callable[..., Any]] = {
    "hash": digest,
    "checksum": lambda value: digest(value, "sha1"),
    "sha1": lambda value: digest(value, "sha1"),
    "md5": lambda value: digest(value, "md5"),
    "to_uuid": to_uuid,
}
