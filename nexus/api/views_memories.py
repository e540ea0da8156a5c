"""What clients send and get about memories."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from nexus.core.memory import LONGEST, Author, Kind, Memory, in_utc, to_json
from nexus.ports.memory import Found

_MEMORY: dict[str, Any] = {
    "id": "m4f0a9d3c2b1e6f7a",
    "kind": "preference",
    "text": "Mails to Acme are signed with Ada Lovelace, Analyst",
    "subject": "acme mail signed",
    "author": "person",
    "thread": "0f8fad5bd9cb469fa16570867728950e",
    "created_at": "2026-11-25T09:00:00Z",
    "updated_at": "2026-11-27T10:30:00Z",
    "confidence": 1.0,
    "apps": ["gmail"],
    "tool": None,
    "is_pending": False,
    "expires_at": None,
    "history": [{"text": "Mails to Acme are signed with Ada", "until": "2026-11-27T10:30:00Z"}],
}


def _written_out(value: object) -> object:
    """Pydantic would take any number, also one in a text, for seconds since 1970."""
    if not isinstance(value, str) or not value[:4].isdecimal() or value[4:5] != "-":
        raise ValueError('it is no time as text with its zone, like "2027-01-31T09:00:00Z"')
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(in_utc)]
"""A time as text, in ISO 8601 with its zone."""


class NewMemory(BaseModel):
    """Something to remember."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "My sister's address is ana@example.com"}]},
    )

    text: str = Field(min_length=1, max_length=LONGEST, description="One sentence, as you would say it")
    kind: Kind = Field(default="fact", description="How you want things; what is so; what worked")
    apps: list[str] = Field(default=[], max_length=20, description="The apps it matters for; none: for all")
    expires_at: Moment | None = Field(default=None, description="Forgotten by itself then")


class ChangedMemory(BaseModel):
    """What a memory says from now on."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"text": "My sister's address is ana@example.org"}]}
    )

    text: str = Field(min_length=1, max_length=LONGEST)
    kind: Kind | None = Field(default=None, description="Unset: as it was")


class MemoryFile(BaseModel):
    """Memories as an export wrote them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"memories": [_MEMORY]}]})

    memories: list[dict[str, Any]] = Field(max_length=10_000)


class EarlierView(BaseModel):
    """What a memory said before."""

    text: str
    until: datetime


class MemoryView(BaseModel):
    """Something that is remembered."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MEMORY]})

    id: str
    kind: Kind
    text: str
    subject: str = Field(description="What it is about: a newer one about the same takes its place")
    author: Author = Field(description="From whom: you, your edit of a call, an approved call, the model")
    thread: str | None = Field(description="Where it was said or done")
    created_at: datetime
    updated_at: datetime
    confidence: float
    apps: list[str] = Field(description="The apps it matters for; none: for all")
    tool: str | None = Field(description="The tool that a procedure names")
    is_pending: bool = Field(description="It waits for your yes, and is not used until then")
    expires_at: datetime | None
    history: list[EarlierView] = Field(description="What it said before, the latest first")

    @classmethod
    def of(cls, memory: Memory) -> Self:
        """The view of a memory."""
        return cls.model_validate(to_json(memory))


class FoundView(BaseModel):
    """A memory that a search found."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"score": 0.71, "memory": _MEMORY}]})

    score: float = Field(
        description="How close: the cosine of meanings, and 0.2 for all telling words shared"
    )
    memory: MemoryView

    @classmethod
    def of(cls, found: Found) -> Self:
        """The view of what was found."""
        return cls(score=found.score, memory=MemoryView.of(found.memory))


class Forgotten(BaseModel):
    """How many memories were deleted for good."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"forgotten": 1}]})

    forgotten: int


class Imported(BaseModel):
    """How many memories were taken in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"imported": 1}]})

    imported: int
