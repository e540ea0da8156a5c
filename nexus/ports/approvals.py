"""The record of every question to a person, and of its one answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from nexus.core.action import ApprovalId, ThreadId
from nexus.core.approval import Approval
from nexus.core.decision import Decision
from nexus.ports.runs import NewRun


@dataclass(frozen=True, slots=True)
class Alongside:
    """What is written down in the transaction of a decision, or not at all.

    Attributes:
        run: The run that carries it out. It is not written while others still have to say yes, nor for a
            thread that is not kept here.
        owner: The process that drives that run.
        message: The id of the message that the decision came in; it is not let in again.
    """

    run: NewRun | None = None
    owner: str = ""
    message: str | None = None


class Approvals(Protocol):
    """Durable before it returns. The row, not a graph's resume value, is the truth about a decision."""

    async def ask(self, approval: Approval) -> Approval:
        """Record `approval` as pending unless its id is known; return what is stored under the id."""
        ...

    async def get(self, approval_id: str) -> Approval:
        """The approval of that id, or of the one id that starts so.

        Reading writes nothing, and works while another program holds the lock: what is overdue is given as
        expired; `expire_overdue`, and `ask` when its thread goes on, write that down.

        Raises:
            NotFound: None, or more than one, starts so.
        """
        ...

    async def search(
        self, *, thread: ThreadId | None = None, pending_only: bool = True, limit: int = 100
    ) -> Sequence[Approval]:
        """Approvals, the oldest first; overdue ones as in `get`."""
        ...

    async def decided(self, *, limit: int = 20) -> Sequence[Approval]:
        """Approvals that nothing can be decided on any more, the latest first.

        Of a call that was edited, the approval of the edited call stands for both.
        """
        ...

    async def expire_overdue(self) -> Sequence[Approval]:
        """Write down that the time of overdue approvals is over; those that were still pending.

        As wherever that is noticed, the run with which its thread goes on is written in the same transaction.
        """
        ...

    async def remind(self) -> Sequence[Approval]:
        """Write down that people are reminded of what has waited long enough; those approvals.

        The event that whoever tells people follows is written in the same transaction: no restart repeats
        a reminder or forgets one.
        """
        ...

    async def supersede(self, thread: ThreadId, *, keep: Collection[str] = ()) -> Sequence[Approval]:
        """Close what is pending in a thread that does not wait for it any more, but for the ids to `keep`.

        Nothing can be decided on it then; the approvals that were closed.
        """
        ...

    async def decide(
        self,
        approval_id: ApprovalId,
        decision: Decision,
        *,
        actor: str,
        digest: str | None = None,
        successor: Approval | None = None,
        alongside: Alongside | None = None,
    ) -> Approval:
        """Record the decision if it is the first one, by the rules of `nexus.core.approval.decide`.

        For an edit, `successor` is the already approved approval of the edited call, stored in the same
        transaction, as is what stands `alongside`. Where several have to say yes, the approval stays pending
        until the last has.

        Raises:
            NotFound, Conflict, Refused, ApprovalExpired, DigestMismatch, DecisionInvalid: Nothing was
                changed.
        """
        ...
