"""A call of which nobody knows whether it acted: what was sent, what is known, what a person says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from nexus.core.approval import Approval, ApprovalState
from nexus.core.decision import Approve, Decision, Reject, Respond

OutcomeState = Literal["unasked", "open", "happened", "retried", "given_up"]
"""unasked: its thread has not asked yet; open: a person has to say; the others are what the person said."""

Resolution = Literal["happened", "retry", "give_up"]
"""What a person can say of it."""

_STATES: Mapping[ApprovalState, OutcomeState] = {
    "pending": "open",
    "approved": "retried",
    "responded": "happened",
}
"""What became of the question; any other end of it leaves the call given up."""


@dataclass(frozen=True, slots=True)
class UnknownOutcome:
    """An attempt that was sent, and whose end nobody saw.

    What a person says of it is the decision on `question`, and nothing else: there is no second record.

    Attributes:
        key: The attempt (`Call.key`), which is also the idempotency key it was sent with.
        toolkit: The app it was sent to; None for attempts of before this was kept.
        account: The account it was sent for, if it has one.
        sent_at: When it was claimed; it left right after.
        lost_at: When it was put on record that its end is unknown.
        known: What is known of it.
        said: What the person said, once that is carried out.
        reference: The provider's own id of the call, if it gave one.
        tries: How often it was sent under this key.
        question: The approval that asks a person; None as long as its thread has not come to it.
    """

    key: str
    thread: str
    tool: str
    arguments: Mapping[str, Any]
    toolkit: str | None
    account: str | None
    sent_at: datetime
    lost_at: datetime
    known: str
    said: str | None
    reference: str | None
    tries: int
    question: Approval | None

    @property
    def state(self) -> OutcomeState:
        """How far it is resolved."""
        if self.question is None:
            return "unasked" if self.said is None else "given_up"
        return _STATES.get(self.question.state, "given_up")

    @property
    def is_open(self) -> bool:
        """True as long as nobody has said what is true."""
        return self.state in {"unasked", "open"}


def decision_for(resolution: Resolution, words: str = "", *, comment: str = "") -> Decision:
    """The decision on the question that says so; `words` are the result, or why it is given up.

    The model is told the words; the comment is for people.
    """
    match resolution:
        case "happened":
            return Respond(words or "It happened.", comment=comment)
        case "retry":
            return Approve(comment=comment)
        case "give_up":
            return Reject(words, comment=comment)


def explained(outcome: UnknownOutcome) -> list[str]:
    """What a person has to know to resolve it, a sentence each; texts of others are as they came."""
    account = f" for the account {outcome.account}" if outcome.account else ""
    to = f" to {outcome.toolkit}" if outcome.toolkit else ""
    often = f", {outcome.tries} times in all" if outcome.tries > 1 else ""
    told = [
        f"It was sent{to}{account} at {_minute(outcome.sent_at)}{often}.",
        f"What is known since {_minute(outcome.lost_at)}: {outcome.known}",
        f"It carried the idempotency key {outcome.key}.",
    ]
    if outcome.reference:
        told.append(f"The provider knows it as {outcome.reference}.")
    return [*told, _standing(outcome)]


def _standing(outcome: UnknownOutcome) -> str:
    """What is left to do, or what was said."""
    question = outcome.question
    by = f" by {question.decided_by}" if question and question.decided_by else ""
    match outcome.state:
        case "unasked":
            return "Its thread asks you as soon as it goes on."
        case "open":
            return "Look where it would show, then say: it happened, try once more, or give it up."
        case "retried":
            return f"It was tried once more, as told{by}: an attempt of its own."
        case "happened":
            return f"It did happen, as told{by}: {question.message if question else ''}"
        case "given_up":
            return f"It stays unknown: {_why(question)}."


def _why(question: Approval | None) -> str:
    match question:
        case Approval(state="expired"):
            return "nobody said in time"
        case Approval(state="superseded"):
            return "its thread went on without it"
        case Approval(decided_by=str(who)):
            return f"it was given up by {who}"
        case _:
            return "it was given up"


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
