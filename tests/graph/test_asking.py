"""The question a person gets, and every dialect in which it may be answered."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from langchain.agents.middleware.human_in_the_loop import HITLRequest
from langgraph.errors import EmptyInputError
from langgraph.types import Command
from pydantic import TypeAdapter, ValidationError

from nexus.core.approval import MAX_MESSAGE
from nexus.core.decision import Approve, Edit, Reject, Respond
from nexus.core.policy import Policy
from nexus.errors import (
    ArgumentsInvalid,
    Conflict,
    DecisionInvalid,
    DigestMismatch,
    NotFound,
    PolicyDenied,
)
from tests.world import MAIL, SEND, MakeWorld, World

OTHER = {"to": "ana@example.com", "subject": "other"}
EDIT = {"type": "edit", "edited_action": {"name": SEND.slug, "args": OTHER}}


async def question(world: World) -> dict[str, Any]:
    """The value of the one interrupt a thread stands at."""
    (interrupt,) = (await world.graph.aget_state(world.config())).interrupts
    return interrupt.value


async def answer(world: World, value: Any) -> None:
    """Answer as a client of LangGraph does."""
    await world.graph.ainvoke(Command(resume=value), world.config(), durability="sync")


async def test_the_question_is_a_hitl_request(world: World) -> None:
    await world.start()
    asked = await question(world)
    request = TypeAdapter(HITLRequest).validate_python(asked, strict=True)
    assert request["action_requests"][0]["name"] == SEND.slug
    assert request["action_requests"][0]["args"] == MAIL
    (review,) = request["review_configs"]
    assert review["action_name"] == SEND.slug
    assert set(review["allowed_decisions"]) == {"approve", "edit", "reject", "respond"}


async def test_nexus_own_facts_stand_beside_it(world: World) -> None:
    await world.start()
    asked, approval = await question(world), await world.pending()
    assert asked["nexus"] == {
        "approval_id": approval.id,
        "thread_id": "t",
        "question": "action",
        "digest": approval.digest,
        "asked_because": "it reaches other people or services",
        "origins": {"/to": "user", "/subject": "model"},
        "expires_at": approval.expires_at.isoformat(),
    }
    assert asked["reason"] == "tool_approval"
    assert asked["tool_call_id"] == approval.call.id
    assert asked["message"] == "Send an e-mail? It asks because it reaches other people or services."


async def test_a_question_says_in_json_schema_what_it_can_be_answered_with(world: World) -> None:
    await world.start()
    (interrupt,) = (await world.graph.aget_state(world.config())).interrupts
    assert isinstance(interrupt.response_schema, dict)
    assert "HITLResponse" in interrupt.response_schema["$defs"]


async def test_asking_again_is_the_same_question(world: World) -> None:
    await world.start()
    first = await question(world)
    assert await world.resume() == {
        "event": "paused",
        "thread_id": "t",
        "approvals": [first["nexus"]["approval_id"]],
    }
    assert await question(world) == first


APPROVALS = {
    "LangChain": {"decisions": [{"type": "approve"}]},
    "agent-inbox": [{"type": "accept", "args": None}],
    "agent-inbox with the action": [{"type": "accept", "args": {"action": SEND.slug, "args": MAIL}}],
    "bare": {"type": "approve"},
}
EDITS = {
    "LangChain": {"decisions": [EDIT]},
    "agent-inbox": [{"type": "edit", "args": {"action": SEND.slug, "args": OTHER}}],
    "bare": EDIT,
}
REJECTIONS = {
    "LangChain": {"decisions": [{"type": "reject"}]},
    "LangChain, no message": {"decisions": [{"type": "reject", "message": None}]},
    "agent-inbox": [{"type": "ignore", "args": None}],
    "bare": {"type": "reject", "message": ""},
}
RESPONSES = {
    "LangChain": {"decisions": [{"type": "respond", "message": "I rang her"}]},
    "agent-inbox": [{"type": "response", "args": "I rang her"}],
    "bare": {"type": "respond", "message": "I rang her"},
}


@pytest.mark.parametrize("value", APPROVALS.values(), ids=APPROVALS.keys())
async def test_every_dialect_can_approve(world: World, value: Any) -> None:
    await world.start()
    await answer(world, value)
    assert [effect["arguments"] for effect in world.effects] == [MAIL]
    assert (await world.view()).status == "idle"


@pytest.mark.parametrize("value", EDITS.values(), ids=EDITS.keys())
async def test_every_dialect_can_edit(world: World, value: Any) -> None:
    await world.start()
    before = await world.pending()
    await answer(world, value)
    assert [effect["arguments"] for effect in world.effects] == [OTHER]
    assert (await world.answered()).startswith("A person changed the arguments to {")
    old, new = await world.approvals.search(pending_only=False)
    assert (old.state, old.successor) == ("edited", new.id)
    assert (new.state, new.decided_by) == ("approved", "thread")
    assert new.digest != before.digest
    assert new.origins == {"/to": "user", "/subject": "approver"}


@pytest.mark.parametrize("value", REJECTIONS.values(), ids=REJECTIONS.keys())
async def test_every_dialect_can_reject_and_without_a_reason_the_run_ends(world: World, value: Any) -> None:
    await world.start()
    await answer(world, value)
    view = await world.view()
    assert (world.effects, view.status, view.ending) == ([], "idle", "rejected")
    assert view.answer == "Not done, because you said no: Send an e-mail."


async def test_a_reason_goes_to_the_model_which_may_do_something_else(make_world: MakeWorld) -> None:
    world = await make_world(plan=((SEND.slug, MAIL), (SEND.slug, OTHER)))
    await world.start()
    await answer(world, {"decisions": [{"type": "reject", "message": "wrong subject"}]})
    assert await world.answered() == "The person rejected this: wrong subject"
    assert (await world.pending()).call.arguments == OTHER
    assert world.effects == []


@pytest.mark.parametrize("value", RESPONSES.values(), ids=RESPONSES.keys())
async def test_every_dialect_can_answer_instead_of_acting(world: World, value: Any) -> None:
    await world.start()
    await answer(world, value)
    assert await world.answered() == "The person answered instead: I rang her"
    assert world.effects == []


def _deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"deeper": value}
    return value


MALFORMED: dict[str, Any] = {
    "yes": "yes",
    "true": True,
    "false as text": "false",
    "a number": 1,
    "a float": 1.0,
    "no decision": {"decisions": []},
    "two decisions": {"decisions": [{"type": "approve"}, {"type": "approve"}]},
    "approved no": {"approved": "no"},
    "an unknown type": {"type": "allow"},
    "a type in capitals": {"type": "APPROVE"},
    "an unknown key": {"type": "approve", "sure": True},
    "a decision that is text": {"decisions": ["approve"]},
    "decisions that are no list": {"decisions": {"type": "approve"}},
    "an edit of nothing": {"type": "edit"},
    "an edit to another tool": {
        "type": "edit",
        "edited_action": {"name": "post_remove", "args": {"number": 1}},
    },
    "an edit of the wrong type": {"type": "edit", "edited_action": {"name": SEND.slug, "args": {"to": 7}}},
    "an edit that lacks something": {"type": "edit", "edited_action": {"name": SEND.slug, "args": {}}},
    "an edit with something more": {
        "type": "edit",
        "edited_action": {"name": SEND.slug, "args": {**MAIL, "cc": "e"}},
    },
    "an edit too deep": {"type": "edit", "edited_action": {"name": SEND.slug, "args": {"to": _deep(40)}}},
    "an edit of two megabytes": {
        "type": "edit",
        "edited_action": {"name": SEND.slug, "args": {**MAIL, "subject": "x" * 2**21}},
    },
    "an edit to not a number": {
        "type": "edit",
        "edited_action": {"name": SEND.slug, "args": {**MAIL, "subject": float("nan")}},
    },
    "a response without words": {"type": "respond"},
    "a response of no text": {"type": "respond", "message": 5},
    "a reason without end": {"type": "reject", "message": "x" * (MAX_MESSAGE + 1)},
    "an inbox without answers": [],
    "an inbox of two": [{"type": "accept"}, {"type": "accept"}],
    "an inbox of an unknown type": [{"type": "approve"}],
    "an inbox edit of another tool": [
        {"type": "edit", "args": {"action": "post_remove", "args": {"number": 1}}}
    ],
    "an inbox edit of text": [{"type": "edit", "args": "ana@example.com"}],
    "an inbox response of a map": [{"type": "response", "args": {"message": "hi"}}],
    "the digest of something else": {"type": "approve", "digest": "0" * 64},
    "a digest that is no text": {"type": "approve", "digest": 0},
}


@pytest.mark.parametrize("value", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_answer_neither_acts_nor_decides_nor_poisons_the_thread(
    world: World, value: Any
) -> None:
    await world.start()
    with pytest.raises(ValidationError):
        await answer(world, value)
    assert (await world.view()).status == "waiting"
    # Neither those who go on through the runner nor those who answer properly are hindered by it.
    assert (await world.resume())["event"] == "paused"
    await world.restart()
    assert (await world.pending()).is_pending
    assert world.effects == []
    await answer(world, {"decisions": [{"type": "approve"}]})
    assert len(world.effects) == 1


@pytest.mark.parametrize("value", [None, {}], ids=["nothing", "an empty map"])
async def test_an_empty_answer_does_nothing(world: World, value: Any) -> None:
    await world.start()
    with suppress(EmptyInputError, UnboundLocalError):
        await answer(world, value)
    assert (await world.pending()).is_pending
    assert world.effects == []


async def test_an_answer_with_the_right_digest_is_taken(world: World) -> None:
    await world.start()
    digest = (await world.pending()).digest
    await answer(world, {"decisions": [{"type": "approve", "digest": digest}]})
    assert len(world.effects) == 1


async def test_an_answer_saved_but_not_carried_out_counts_after_the_next_start(world: World) -> None:
    await world.start()
    snapshot = await world.graph.aget_state(world.config())
    await world.saver.aput_writes(
        snapshot.config,
        [("__resume__", {"decisions": [{"type": "reject"}]})],
        "00000000-0000-0000-0000-000000000000",
    )
    await world.restart()
    await world.resume()
    assert (await world.view()).ending == "rejected"


async def test_a_decision_in_the_row_is_stronger_than_an_answer_to_the_graph(world: World) -> None:
    await world.start()
    await world.decide(Reject())
    await answer(world, {"decisions": [{"type": "approve"}]})
    assert world.effects == []
    assert (await world.view()).ending == "rejected"


DECISIONS_REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "an edit that does not fit": (Edit({"to": 7}), ArgumentsInvalid, "to: 7 is not of type string"),
    "an edit to nothing": (Edit({}), ArgumentsInvalid, "to is missing"),
    "too long a reason": (Reject("x" * 5_000), DecisionInvalid, "5,000 characters"),
    "half a character": (Respond("\ud800"), DecisionInvalid, "lone surrogate"),
}


@pytest.mark.parametrize(
    ("decision", "error", "words"), DECISIONS_REFUSED.values(), ids=DECISIONS_REFUSED.keys()
)
async def test_a_decision_that_cannot_be_used_changes_nothing(
    world: World, decision: Any, error: type[Exception], words: str
) -> None:
    await world.start()
    with pytest.raises(error, match=words):
        await world.decide(decision)
    assert (await world.pending()).is_pending


async def test_a_second_decision_is_a_conflict(world: World) -> None:
    await world.start()
    approval = await world.decide(Approve())
    with pytest.raises(Conflict, match="already approved"):
        await world.runner.decide(approval.id, Reject(), actor="test")


async def test_a_decision_on_something_else_than_was_seen_is_refused(world: World) -> None:
    await world.start()
    with pytest.raises(DigestMismatch, match="Look at it again"):
        await world.decide(Approve(), digest="0" * 64)


async def test_an_unknown_approval_is_not_found(world: World) -> None:
    await world.start()
    with pytest.raises(NotFound):
        await world.runner.decide("nothing", Approve(), actor="test")


async def test_an_edit_of_a_call_that_a_rule_forbids_by_now_is_refused(world: World) -> None:
    await world.start()
    world.wire(policy=Policy(deny=("post_*",)))
    with pytest.raises(PolicyDenied, match="deny"):
        await world.decide(Edit(OTHER))
    assert (await world.pending()).is_pending


@pytest.mark.parametrize("fact", [{"version": "2"}, {"account": "eve"}], ids=["version", "account"])
async def test_an_edit_of_a_call_whose_tool_is_another_by_now_is_refused(
    world: World, fact: dict[str, str]
) -> None:
    """Whoever edits has seen the arguments, and no other version or account than was asked about."""
    await world.start()
    world.change_tool(SEND.slug, **fact)
    with pytest.raises(DigestMismatch, match="another version or account"):
        await world.decide(Edit(OTHER))
    assert (await world.pending()).is_pending


@pytest.mark.parametrize(
    ("decision", "called_with"), [(Reject("no"), []), (Edit({"to": "ben@example.com"}), ["ben@example.com"])]
)
async def test_a_person_who_was_asked_has_the_last_word_though_the_tool_only_reads_by_then(
    world: World, decision: Any, called_with: list[str]
) -> None:
    await world.start()
    called: list[str] = []

    async def note(_spec: Any, arguments: Any, *, acted: bool) -> None:
        if not acted:
            called.append(arguments["to"])

    world.tools.sabotage = note
    await world.decide(decision)
    world.change_tool(SEND.slug, hints=frozenset({"readOnlyHint"}))
    await world.resume()
    assert called == called_with
