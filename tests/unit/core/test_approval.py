"""An approval is decided once, in time, on what was shown: the whole table of transitions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import get_args

import pytest

from nexus.core.action import ApprovalId, Call, CallId, Digest, ThreadId, digest_of
from nexus.core.approval import (
    DECIDED,
    MAX_COMMENT,
    MAX_MESSAGE,
    Approval,
    ApprovalState,
    Question,
    check_answer,
    decide,
    expire,
)
from nexus.core.decision import Approve, Decision, Edit, Reject, Respond
from nexus.errors import (
    ApprovalExpired,
    ArgumentsInvalid,
    Conflict,
    DecisionInvalid,
    DigestMismatch,
    NexusError,
)
from tests.world import MAIL, READ, SEND

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
CALL = Call(CallId("c0ffee"), SEND.slug, MAIL)
DECISIONS: tuple[Decision, ...] = (
    Approve(),
    Approve(comment="fine"),
    Edit({"to": "b"}),
    Edit({"to": "b"}, comment="to both"),
    Reject(),
    Reject("no"),
    Reject("no", comment="they asked"),
    Respond("done"),
    Respond("done", comment="by phone"),
)


def approval(question: Question = "action", state: ApprovalState = "pending") -> Approval:
    return Approval(
        id=CALL.approval_id,
        thread=ThreadId("t"),
        call=CALL,
        question=question,
        digest=Digest("d"),
        reason="why",
        policy_version="p",
        origins={},
        created_at=NOON,
        expires_at=LATER,
        state=state,
    )


@pytest.mark.parametrize("decision", DECISIONS, ids=repr)
def test_a_pending_approval_takes_each_decision_that_fits(decision: Decision) -> None:
    decided = decide(approval(), decision, actor="cli:ana", now=NOON)
    assert decided.state == DECIDED[decision.kind]
    assert not decided.is_pending
    assert (decided.decided_at, decided.decided_by) == (NOON, "cli:ana")
    assert decided.message == {"no": "no", "done": "done"}.get(
        getattr(decision, "reason", None) or getattr(decision, "message", "")
    )
    assert decided.comment == (decision.comment or None)
    undone = replace(decided, state="pending", decided_at=None, decided_by=None, message=None, comment=None)
    assert undone == approval()


@pytest.mark.parametrize(
    ("state", "decision"),
    list(product((state for state in get_args(ApprovalState) if state != "pending"), DECISIONS)),
    ids=str,
)
def test_what_is_decided_or_expired_is_never_decided_again(state: ApprovalState, decision: Decision) -> None:
    with pytest.raises(Conflict, match=f"already {state}"):
        decide(approval(state=state), decision, actor="x", now=NOON)


@pytest.mark.parametrize("decision", DECISIONS, ids=repr)
def test_nothing_can_be_decided_after_the_last_moment(decision: Decision) -> None:
    assert decide(approval(), decision, actor="x", now=LATER).decided_at == LATER
    with pytest.raises(ApprovalExpired, match="expired at 2026-05-01T13:00:00"):
        decide(approval(), decision, actor="x", now=LATER + timedelta(microseconds=1))


def test_a_decision_on_another_digest_is_refused() -> None:
    assert decide(approval(), Approve(), actor="x", now=NOON, digest="d").state == "approved"
    with pytest.raises(DigestMismatch, match="not the one you saw"):
        decide(approval(), Approve(), actor="x", now=NOON, digest="e")


def test_a_call_that_was_sent_can_be_tried_again_given_up_or_confirmed_but_not_edited() -> None:
    outcome = approval("outcome")
    assert outcome.allowed_decisions == ("approve", "reject", "respond")
    for decision in (Approve(), Reject(), Respond("it is there")):
        assert decide(outcome, decision, actor="x", now=NOON).state == DECIDED[decision.kind]
    with pytest.raises(DecisionInvalid, match="approve, reject, respond"):
        decide(outcome, Edit({}), actor="x", now=NOON)


@pytest.mark.parametrize("word", [Reject, Respond])
@pytest.mark.parametrize(
    ("message", "problem"), [("x" * (MAX_MESSAGE + 1), "4,001 characters"), ("a\udc00", "lone surrogate")]
)
def test_a_message_that_cannot_be_passed_on_is_refused(
    word: type[Reject | Respond], message: str, problem: str
) -> None:
    check_answer(approval(), word("x" * MAX_MESSAGE))
    with pytest.raises(DecisionInvalid, match=problem):
        check_answer(approval(), word(message))


@pytest.mark.parametrize("decision", DECISIONS, ids=repr)
@pytest.mark.parametrize(
    ("comment", "problem"), [("x" * (MAX_COMMENT + 1), "comment: 4,001"), ("a\udc00", "comment: .*surrogate")]
)
def test_a_comment_that_cannot_be_kept_is_refused(decision: Decision, comment: str, problem: str) -> None:
    check_answer(approval(), replace(decision, comment="x" * MAX_COMMENT))
    with pytest.raises(DecisionInvalid, match=problem):
        check_answer(approval(), replace(decision, comment=comment))


def test_expiry_is_recorded_once_and_only_for_what_is_pending() -> None:
    late = LATER + timedelta(seconds=1)
    assert expire(approval(), now=LATER) == approval()
    expired = expire(approval(), now=late)
    assert (expired.state, expired.decided_at) == ("expired", late)
    for state in get_args(ApprovalState):
        if state != "pending":
            assert expire(approval(state=state), now=late).state == state


def digest(call: Call = CALL, **changes: object) -> str:
    facts = {"thread": ThreadId("t"), "policy_version": "p", "expires_at": LATER} | changes
    return digest_of(call, changes.pop("spec", SEND), **{k: v for k, v in facts.items() if k != "spec"})  # type: ignore[arg-type]


DIFFERENT = {
    "other arguments": digest(replace(CALL, arguments={**MAIL, "subject": "b"})),
    "another call": digest(replace(CALL, id=CallId("beef"))),
    "another attempt": digest(CALL.next_attempt()),
    "an edit to the same arguments": digest(CALL.edited(MAIL)),
    "another tool": digest(replace(CALL, tool=READ.slug)),
    "another version of the tool": digest(spec=replace(SEND, version="2")),
    "another account": digest(spec=replace(SEND, account="ana")),
    "another thread": digest(thread=ThreadId("u")),
    "other rules": digest(policy_version="q"),
    "another expiry": digest(expires_at=LATER + timedelta(microseconds=1)),
}


def test_whatever_decides_what_would_happen_is_in_the_digest() -> None:
    assert len({digest(), *DIFFERENT.values()}) == 1 + len(DIFFERENT)


def test_what_does_not_decide_it_is_not() -> None:
    assert digest(spec=replace(SEND, description="other words", title="other")) == digest()
    assert digest(replace(CALL, arguments=dict(reversed(MAIL.items())))) == digest()


def test_arguments_without_a_canonical_spelling_have_no_digest() -> None:
    with pytest.raises(ArgumentsInvalid):
        digest(replace(CALL, arguments={"to": float("nan")}))


def test_an_edit_keeps_the_proposal_and_makes_a_new_call() -> None:
    edited = CALL.edited({"to": "b"})
    again = edited.edited({"to": "c"})
    assert (edited.id, edited.was_edited, edited.proposed_id) == ("c0ffeex", True, "c0ffee")
    assert (again.id, again.proposed_id, dict(again.arguments)) == ("c0ffeex", "c0ffee", {"to": "c"})
    assert (CALL.was_edited, CALL.proposed_id) == (False, "c0ffee")
    assert edited.approval_id == ApprovalId("c0ffeex-1")
    assert CALL.next_attempt().key == "c0ffee.2"


def test_every_error_of_a_decision_is_one_of_ours() -> None:
    assert all(
        issubclass(kind, NexusError) for kind in (Conflict, ApprovalExpired, DigestMismatch, DecisionInvalid)
    )
