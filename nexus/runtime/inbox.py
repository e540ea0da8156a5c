"""What waits for a person, with all they need to decide on it; and what became of what they decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby

from nexus.core.approval import Approval, check_approver
from nexus.core.decision import Approve, Decision, DecisionKind, Edit, Reject, Respond
from nexus.core.effect import Effect
from nexus.core.outcome import explained
from nexus.core.tool import ToolSpec, unknown_tool
from nexus.errors import DecisionInvalid, NexusError, NotFound, Refused
from nexus.ports.reviews import Review
from nexus.runtime.held import HeldDecisions
from nexus.runtime.service import Service
from nexus.runtime.services import Services

MOST = 1_000
"""Questions that are looked at."""

LATELY = 6
"""Ends that are shown."""

_EVERY: Mapping[DecisionKind, Decision] = {
    "approve": Approve(),
    "edit": Edit({}),
    "reject": Reject(),
    "respond": Respond("-"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that waits.

    Attributes:
        user: Whom its call is for.
        spec: The tool as it is now.
        thread: What the thread was asked for.
        answers: What this visitor may answer.
        facts: For an outcome nobody knows: what is known of it, a sentence each.
        held: This visitor's answer, as long as it can be taken back.
        failure: Why their last answer came to nothing.
    """

    approval: Approval
    user: str
    spec: ToolSpec
    thread: str
    answers: Sequence[DecisionKind]
    facts: Sequence[str]
    held: Decision | None
    failure: NexusError | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A question that was answered, or cannot be any more.

    Attributes:
        user: Whom its call was for.
        effect: How the call of it ended; None if it did not start or is under way. Of another's call it does
            not hold what the tool returned.
        failure: Why this visitor's answer came to nothing.
    """

    approval: Approval
    user: str
    spec: ToolSpec
    thread: str
    effect: Effect | None
    failure: NexusError | None


class Inbox:
    """What waits for one person: about their own calls, and about others' that they decide on.

    Args:
        services: Everybody's: a review is about somebody else's call.
        service: The person's own.
        held: Decisions that can be taken back.
        actor: Who decides, and through what.
        reviews: Whether they may decide on others' calls at all.
    """

    def __init__(
        self, services: Services, service: Service, held: HeldDecisions, actor: str, *, reviews: bool
    ) -> None:
        self._services = services
        self._service = service
        self._held = held
        self._actor = actor
        self._others = service.reviews if reviews else None
        self._titles: dict[tuple[str, str], str] = {}

    @property
    def user(self) -> str:
        """Whose inbox it is."""
        return self._service.parts.user

    async def state(self) -> str:
        """A short text that is another one whenever something here is."""
        log = self._service.parts.audit
        number = await log.latest() if log else 0
        others = [f"{each.approval.id}{len(each.approval.votes)}" for each in await self._reviews()]
        others += [await self._how(each) for each in await self._reviewed(LATELY)]
        return f"{number}.{self._held.state}.{'.'.join(others)}"

    async def pending(self) -> list[tuple[str, Approval]]:
        """Every question that waits, with whom its call is for: by thread, the longest waiting first."""
        own = await self._service.parts.approvals.search(limit=MOST)
        found = [(self.user, approval) for approval in own]
        found += [(each.user, each.approval) for each in await self._reviews() if each.user != self.user]
        first: dict[tuple[str, str], int] = {}
        for number, (user, approval) in enumerate(found):
            first.setdefault((user, approval.thread), number)
        return sorted(found, key=lambda each: first[each[0], each[1].thread])

    async def asked(self, found: Sequence[tuple[str, Approval]]) -> list[list[Asked]]:
        """The same with everything about them, in a list for each thread."""
        groups = groupby(found, key=lambda each: (each[0], each[1].thread))
        return [[await self._asked(user, approval) for user, approval in group] for _, group in groups]

    async def get(self, approval_id: str, user: str | None = None) -> Asked | Ended:
        """The question of exactly that id; `user` is whom the call is for, if not this person.

        Raises:
            NotFound: There is none, or it is not theirs to decide.
        """
        if user and user != self.user:
            if self._others is None:
                raise NotFound(f"There is no question {approval_id[:100]!r} that you decide on.")
            review = await self._others.get(approval_id)
            return await self._whichever(review.user, review.approval)
        approval = None
        with suppress(NotFound):
            approval = await self._service.parts.approvals.get(approval_id)
        if approval is None or approval.id != approval_id:
            raise NotFound(
                f"There is no question {approval_id[:100]!r}.", remedy="The inbox shows what waits."
            )
        return await self._whichever(self.user, approval)

    async def ended(self, *, limit: int) -> list[Ended]:
        """What was decided last, the latest first: their own, and what they were asked about for others."""
        own = await self._service.parts.approvals.decided(limit=limit)
        found = [Review(self.user, approval) for approval in own] + await self._reviewed(limit)
        found.sort(key=lambda each: each.approval.decided_at or each.approval.expires_at, reverse=True)
        return [await self._ended(each.user, each.approval) for each in found[:limit]]

    async def _whichever(self, user: str, approval: Approval) -> Asked | Ended:
        if approval.successor:
            service = await self._services.of(user)
            approval = await service.parts.approvals.get(approval.successor)
        found = self._asked if approval.is_pending else self._ended
        return await found(user, approval)

    async def _asked(self, user: str, approval: Approval) -> Asked:
        service = await self._services.of(user)
        return Asked(
            approval=approval,
            user=user,
            spec=_spec(service, approval),
            thread=await self._title(service, approval),
            answers=[kind for kind in approval.allowed_decisions if self._may(approval, kind, user)],
            facts=await _facts(service, approval),
            held=self._held.of(self._actor).get((user, approval.id)),
            failure=self._held.failure(self._actor, user, approval.id),
        )

    async def _ended(self, user: str, approval: Approval) -> Ended:
        service = await self._services.of(user)
        effect = await _effect(service, approval)
        if effect is not None and user != self.user:
            effect = replace(effect, text=f"Only {user} is shown what came of it.", reference=None)
        return Ended(
            approval=approval,
            user=user,
            spec=_spec(service, approval),
            thread=await self._title(service, approval),
            effect=effect,
            failure=self._held.failure(self._actor, user, approval.id),
        )

    async def _how(self, review: Review) -> str:
        """Another text once the call of a review has ended."""
        effect = await _effect(await self._services.of(review.user), review.approval)
        return f"{review.approval.id}{effect.outcome if effect else ''}"

    async def _reviews(self) -> Sequence[Review]:
        return await self._others.search(limit=MOST) if self._others else []

    async def _reviewed(self, limit: int) -> list[Review]:
        found = await self._others.decided(limit=limit) if self._others else []
        return [each for each in found if each.user != self.user]

    def _may(self, approval: Approval, kind: DecisionKind, user: str) -> bool:
        try:
            check_approver(approval, _EVERY[kind], who=self.user, user=user)
        except (Refused, DecisionInvalid):
            return False
        return not (kind == "approve" and any(vote.approver == self.user for vote in approval.votes))

    async def _title(self, service: Service, approval: Approval) -> str:
        """What the thread was asked for; its id if it is not known here."""
        key = (service.parts.user, approval.thread)
        if key not in self._titles:
            try:
                self._titles[key] = (await service.threads.get(approval.thread)).title
            except NotFound:
                self._titles[key] = ""
        return self._titles[key] or f"Thread {approval.thread}"


def _spec(service: Service, approval: Approval) -> ToolSpec:
    try:
        return service.parts.tools.get(approval.call.tool)
    except NotFound:
        return unknown_tool(approval.call.tool)


async def _effect(service: Service, approval: Approval) -> Effect | None:
    """How the call ended that was approved, if it has."""
    return await service.parts.ledger.get(approval.call.key) if approval.state == "approved" else None


async def _facts(service: Service, approval: Approval) -> list[str]:
    """What is known of a call of which nobody knows whether it acted."""
    if approval.question != "outcome":
        return []
    try:
        return explained(await service.outcomes.get(approval.id))
    except NotFound:
        return []
