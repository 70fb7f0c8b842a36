"""What all messages have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from stella_ops.store.columns import iso_z

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9_])?$", max_length=63)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# One line of text that every database can keep.
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=255)]
Moment = Annotated[datetime, PlainSerializer(iso_z, return_type=str)]
Json = dict[str, Any]


class Asked(BaseModel):
    """A request of an operator: a key that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sent(BaseModel):
    """A request of an agent or a stranger: keys that are not known may come from a newer release."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Answer(BaseModel):
    """An answer; a newer release may add keys."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Problem(BaseModel):
    """What is wrong: a machine word, a sentence, and what to do next."""

    code: str
    message: str
    hint: str | None


class ErrorAnswer(BaseModel):
    """The answer to whatever is not granted."""

    error: Problem


class Nothing(Answer):
    """An answer that says no more than its status."""
