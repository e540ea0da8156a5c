"""The audit log's entries, and the chain that gives a change away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from nexus.core.canonical import fingerprint

AuditKind = Literal[
    "proposal",
    "verdict",
    "approval.requested",
    "approval.reminded",
    "approval.voted",
    "review.requested",
    "approval.decided",
    "approval.expired",
    "notification",
    "claim",
    "outcome",
    "outcome_unknown",
    "run.completed",
    "run.failed",
    "policy.changed",
]
"""proposal: a call somebody wants to make; verdict: what policy said to it; claim: the call is about to
leave; outcome: how it ended; outcome_unknown: nobody can know how; notification: somebody was told;
review.requested: an approver is asked about somebody else's call; policy.changed: a user made other rules."""

FIRST = "0" * 64
"""What stands for the hash of the event before the first."""

Head: TypeAlias = tuple[int, str]
"""Number and hash of an event: who knows them can tell whether anything before it was changed."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that happened, before it has its place in the log.

    Attributes:
        kind: What happened.
        thread: In which thread.
        approval_id: About which approval, if about one.
        data: Plain JSON values: what else there is to know of it. What tools returned is not among them.
    """

    kind: AuditKind
    thread: str | None = None
    approval_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One entry of the log, which holds those of all users in one chain.

    Attributes:
        number: 1 for the first; none is left out.
        at: When it happened.
        user: Whose it is.
        previous: The hash of the event before it.
        hash: SHA-256 over the canonical JSON of all the rest.
    """

    number: int
    at: datetime
    user: str
    kind: AuditKind
    thread: str | None
    approval_id: str | None
    data: Mapping[str, Any]
    previous: str
    hash: str

    @property
    def facts(self) -> dict[str, Any]:
        """The event as plain JSON values."""
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "user": self.user,
            "kind": self.kind,
            "thread": self.thread,
            "approval_id": self.approval_id,
            "data": dict(self.data),
            "previous": self.previous,
            "hash": self.hash,
        }


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What a look at the whole log found.

    Attributes:
        events: How many are as they were written.
        head: The last of them; None if there is none.
        problem: What is wrong with the next one; None if nothing is.
    """

    events: int
    head: Head | None
    problem: str | None = None


def chained(entry: AuditEntry, *, after: Head, at: datetime, user: str) -> AuditEvent:
    """The event that `entry` becomes behind the event `after`."""
    number, previous = after[0] + 1, after[1]
    event = AuditEvent(
        number=number,
        at=at,
        user=user,
        kind=entry.kind,
        thread=entry.thread,
        approval_id=entry.approval_id,
        data=entry.data,
        previous=previous,
        hash="",
    )
    return _with_hash(event)


def check_chain(events: Iterable[AuditEvent], *, expected: Head | None = None) -> AuditCheck:
    """Whether every event is as it was written, and none is missing between two.

    Args:
        events: In order, from the first.
        expected: An event that was in the log once, by its number and hash.
    """
    head: Head = (0, FIRST)
    was_met = expected is None
    for event in events:
        problem = _problem(event, head)
        if problem:
            return AuditCheck(head[0], head if head[0] else None, problem)
        head = (event.number, event.hash)
        was_met = was_met or head == expected
    found = AuditCheck(head[0], head if head[0] else None)
    if was_met or expected is None:
        return found
    return AuditCheck(found.events, found.head, f"event {expected[0]} is not the one that it once was")


def _problem(event: AuditEvent, head: Head) -> str | None:
    if event.number != head[0] + 1:
        return f"event {head[0] + 1} is missing"
    if event.previous != head[1]:
        return f"event {event.number} does not follow the one before it"
    if _with_hash(event).hash != event.hash:
        return f"event {event.number} was changed"
    return None


def _with_hash(event: AuditEvent) -> AuditEvent:
    facts = event.facts
    del facts["hash"]
    return AuditEvent(
        number=event.number,
        at=event.at,
        user=event.user,
        kind=event.kind,
        thread=event.thread,
        approval_id=event.approval_id,
        data=event.data,
        previous=event.previous,
        hash=fingerprint(facts),
    )
