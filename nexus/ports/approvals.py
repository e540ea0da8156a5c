"""The record of every question to a person, and of its one answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nexus.core.action import ApprovalId, ThreadId
from nexus.core.approval import Approval
from nexus.core.decision import Decision


class Approvals(Protocol):
    """Durable before it returns. The row, not a graph's resume value, is the truth about a decision."""

    async def ask(self, approval: Approval) -> Approval:
        """Record `approval` as pending unless its id is known; return what is stored under the id."""
        ...

    async def get(self, approval_id: str) -> Approval:
        """The approval of that id, or of the one id that starts so; overdue ones are expired first.

        Raises:
            NotFound: None, or more than one, starts so.
        """
        ...

    async def search(
        self, *, thread: ThreadId | None = None, pending_only: bool = True, limit: int = 100
    ) -> Sequence[Approval]:
        """Approvals, the oldest first; overdue ones are expired first."""
        ...

    async def decide(
        self,
        approval_id: ApprovalId,
        decision: Decision,
        *,
        actor: str,
        digest: str | None = None,
        successor: Approval | None = None,
    ) -> Approval:
        """Record the decision if it is the first one, by the rules of `nexus.core.approval.decide`.

        For an edit, `successor` is the already approved approval of the edited call, stored in the same
        transaction.

        Raises:
            NotFound, Conflict, ApprovalExpired, DigestMismatch, DecisionInvalid: Nothing was changed.
        """
        ...
