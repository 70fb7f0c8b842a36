"""What this process must not print: one redactor for the run and for whatever is said after it failed."""

from __future__ import annotations

from stella_ops.redaction import Redactor

REDACTOR = Redactor()
