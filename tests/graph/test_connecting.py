"""A call whose account is missing or expired: the run pauses to connect it, then makes the same call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from nexus.core.decision import Approve, Edit, Reject, Respond
from nexus.core.policy import Policy
from nexus.core.tool import ToolSpec
from nexus.errors import (
    Conflict,
    DecisionInvalid,
    NotConnected,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from tests.graph.test_asking import answer, question
from tests.world import MAIL, READ, SEND, MakeWorld, World


class Accounts:
    """Which account the outside service knows, and what the tools were told of it last."""

    def __init__(self, account: str | None = None) -> None:
        self.account = account
        self.asked = 0
        self.fails = False
        self.world: World | None = None

    async def find(self) -> None:
        """What `Parts.find_accounts` does: ask the service, tell the tools."""
        self.asked += 1
        if self.fails:
            raise Unavailable("The service of the accounts is down.")
        assert self.world is not None
        for slug in (SEND.slug, READ.slug):
            self.world.change_tool(slug, account=self.account)

    async def check(self, spec: ToolSpec, arguments: Any, *, acted: bool) -> None:  # noqa: ARG002 - `Sabotage`
        """The service refuses to act on an account that is not there any more."""
        if not acted and (spec.account is None or spec.account != self.account):
            raise NotConnected(f"{spec.account} has expired.")


@pytest.fixture(name="accounts")
def _accounts() -> Accounts:
    return Accounts()


@pytest.fixture(name="world")
async def _world(make_world: MakeWorld, accounts: Accounts) -> World:
    """A world whose tools act on an account of the person; none is connected."""
    return await wired(await make_world(), accounts)


async def wired(world: World, accounts: Accounts) -> World:
    for slug in (SEND.slug, READ.slug):
        world.change_tool(slug, needs_account=True, account=accounts.account)
    accounts.world, world.tools.sabotage = world, accounts.check
    world.wire(find_accounts=accounts.find)
    return world


async def test_a_call_without_an_account_asks_to_connect_and_does_nothing(world: World) -> None:
    assert (await world.start())["event"] == "paused"
    approval = await world.pending()
    assert (approval.question, approval.toolkit, approval.call.arguments) == ("connect", "post", MAIL)
    assert approval.allowed_decisions == ("approve", "reject", "respond")
    asked = await question(world)
    assert asked["reason"] == "account_needed"
    assert asked["nexus"]["connect"] == {"toolkit": "post", "link": f"/approvals/{approval.id}/link"}
    assert asked["message"] == (
        "Send an e-mail has to wait: it needs a post account, and none of yours is active."
        " Connect post, then approve; reject if you will not."
    )
    assert world.effects == []


async def test_once_connected_the_same_call_is_asked_about_with_the_account_and_runs_once(
    world: World, accounts: Accounts
) -> None:
    await world.start()
    accounts.account = "ca_1"
    await world.decide(Approve())
    assert (await world.resume())["event"] == "paused"
    approval = await world.pending()
    assert (approval.question, approval.call.arguments, approval.toolkit) == ("action", MAIL, None)
    await world.decide(Approve())
    assert (await world.resume())["answer"] == "Done."
    assert [effect["arguments"] for effect in world.effects] == [MAIL]


async def test_who_says_done_too_early_is_told_what_is_missing_and_may_say_it_again(
    world: World, accounts: Accounts
) -> None:
    await world.start()
    with pytest.raises(Conflict, match="No active post account of yours is connected"):
        await world.decide(Approve())
    assert (await world.pending()).is_pending
    accounts.account = "ca_1"
    assert (await world.decide(Approve())).state == "approved"


async def test_saying_done_too_early_through_langgraph_leaves_the_question_open(
    world: World, accounts: Accounts
) -> None:
    await world.start()
    with pytest.raises(ValidationError, match="No active post account of yours is connected"):
        await answer(world, {"type": "approve"})
    accounts.account = "ca_1"
    await answer(world, {"type": "approve"})
    assert (await world.pending()).question == "action"


async def test_the_answer_to_connect_is_never_taken_for_a_yes_to_the_call(
    world: World, accounts: Accounts
) -> None:
    """Though the account became active meanwhile, so that the next thing to ask would be the call itself."""
    await world.start()
    accounts.account = "ca_1"
    await accounts.find()
    await answer(world, {"decisions": [{"type": "approve"}]})
    assert world.effects == []
    assert (await world.pending()).question == "action"


async def test_a_no_to_connect_is_a_no_though_the_account_became_active_meanwhile(
    world: World, accounts: Accounts
) -> None:
    await world.start()
    accounts.account = "ca_1"
    await answer(world, {"type": "reject"})
    assert ((await world.view()).ending, world.effects) == ("rejected", [])


async def test_a_no_without_a_reason_ends_the_run_and_says_why(world: World) -> None:
    await world.start()
    await world.decide(Reject())
    last = await world.resume()
    said = "Not done, because you said no: Send an e-mail (it needs a post account)."
    assert (last["ending"], last["answer"]) == ("rejected", said)


async def test_a_no_with_a_reason_goes_to_the_model(world: World) -> None:
    await world.start()
    await world.decide(Reject("I have no such account."))
    await world.resume()
    assert await world.answered() == "The person rejected this: I have no such account."


async def test_a_person_may_answer_instead_of_connecting(world: World) -> None:
    await world.start()
    await world.decide(Respond("I wrote to her myself."))
    await world.resume()
    assert await world.answered() == "The person answered instead: I wrote to her myself."
    assert world.effects == []


async def test_the_arguments_are_not_edited_before_there_is_an_account(world: World) -> None:
    await world.start()
    with pytest.raises(DecisionInvalid, match="does not answer this question"):
        await world.decide(Edit(MAIL))


async def test_reading_waits_for_an_account_too_and_then_needs_no_other_yes(
    make_world: MakeWorld, accounts: Accounts
) -> None:
    world = await wired(await make_world(plan=((READ.slug, {}),)), accounts)
    await world.start("What is new?")
    assert (await world.pending()).question == "connect"
    accounts.account = "ca_1"
    await world.decide(Approve())
    assert (await world.resume())["event"] == "ended"
    assert await world.answered() == "ok"


async def test_what_is_forbidden_is_not_connected_for(world: World) -> None:
    world.wire(policy=Policy(deny=(SEND.slug,)))
    await world.start()
    assert (await world.view()).approvals == []
    assert "Not allowed" in await world.answered()


async def test_an_account_that_was_connected_elsewhere_meanwhile_is_found_without_asking(
    world: World, accounts: Accounts
) -> None:
    accounts.account = "ca_1"
    await world.start()
    assert ((await world.pending()).question, accounts.asked) == ("action", 1)


async def test_an_account_that_expired_after_the_yes_is_connected_anew_and_the_call_runs_once(
    world: World, accounts: Accounts
) -> None:
    accounts.account = "ca_1"
    await world.start()
    first = await world.pending()
    accounts.account = None
    await world.decide(Approve())
    await world.resume()
    assert ((await world.pending()).question, world.effects) == ("connect", [])
    recorded = await world.ledger.get(first.call.key)
    assert recorded is not None
    assert recorded.outcome == "unconnected"
    accounts.account = "ca_2"
    await world.decide(Approve())
    await world.resume()
    second = await world.pending()
    assert (second.question, second.call.id) == ("action", first.call.id)
    assert second.digest != first.digest
    assert second.call.key != first.call.key
    await world.decide(Approve())
    await world.resume()
    assert [effect["arguments"] for effect in world.effects] == [MAIL]


async def test_an_account_that_went_away_between_question_and_yes_is_asked_for_before_anything_is_claimed(
    world: World, accounts: Accounts
) -> None:
    accounts.account = "ca_1"
    await world.start()
    first = await world.pending()
    accounts.account = None
    await accounts.find()
    await world.decide(Approve())
    await world.resume()
    assert (await world.pending()).question == "connect"
    assert await world.ledger.get(first.call.key) is None


async def test_a_question_about_the_call_stays_that_question_though_its_account_went_away(
    world: World, accounts: Accounts
) -> None:
    accounts.account = "ca_1"
    await world.start()
    asked = await question(world)
    accounts.account = None
    await accounts.find()
    await world.resume()
    assert (await question(world))["nexus"]["approval_id"] == asked["nexus"]["approval_id"]


async def test_a_call_that_was_refused_for_its_account_is_asked_about_again_after_a_kill(
    make_world: MakeWorld, world: World, accounts: Accounts
) -> None:
    """The end is in the ledger, its checkpoint is not, and the account is gone from the tools by then."""
    accounts.account = "ca_1"
    await world.start()
    accounts.account = None
    approval = await world.decide(Approve())
    settle = world.ledger.settle

    async def settle_then_die(key: str, effect: Any) -> None:
        await settle(key, effect)
        raise RuntimeError

    world.ledger.settle = settle_then_die  # type: ignore[method-assign]  # where the process dies
    with pytest.raises(RuntimeError):
        await world.resume()
    again = await wired(await make_world(), accounts)
    await again.resume()
    assert (await again.pending()).question == "connect"
    assert (await again.approvals.get(approval.id)).state == "approved"
    assert again.effects == []


async def test_a_yes_to_connect_lets_no_call_be_claimed(world: World, accounts: Accounts) -> None:
    """Not even the very attempt whose number the question has, on the very account it was asked without."""
    await world.start()
    asked = await world.pending()
    accounts.account = "ca_1"
    await world.decide(Approve())
    world.change_tool(SEND.slug, needs_account=False, account=None)
    state = {"id": asked.call.id, "tool": SEND.slug, "arguments": MAIL, "attempt": asked.call.attempt}
    forged = {"call": state, "go": True, "question": "action"}
    await world.graph.aupdate_state(world.config(), forged, as_node="approve")
    await world.resume()
    assert world.effects == []
    assert "was not approved" in await world.answered()


async def test_asking_again_asks_the_same(world: World) -> None:
    await world.start()
    asked = await question(world)
    restarted = await (await world.restart()).resume()
    assert restarted["approvals"] == [asked["nexus"]["approval_id"]]


async def test_a_person_can_say_no_while_the_accounts_cannot_be_looked_up(
    world: World, accounts: Accounts
) -> None:
    accounts.fails = True
    await world.start()
    with pytest.raises(Unavailable):
        await world.decide(Approve())
    await world.decide(Reject())
    assert (await world.resume())["ending"] == "rejected"


async def test_a_tool_that_is_gone_by_then_is_no_dead_end(world: World, accounts: Accounts) -> None:
    await world.start()
    accounts.account = "ca_1"
    spec = world.tools.specs.pop(SEND.slug)
    with pytest.raises((NotFound, KeyError, Refused)):
        await world.decide(Approve())
    world.tools.specs[SEND.slug] = replace(spec, account="ca_1")
    await world.decide(Approve())
    await world.resume()
    assert (await world.pending()).question == "action"


async def test_an_edited_call_can_be_edited_again_after_its_account_was_connected_anew(
    make_world: MakeWorld,
) -> None:
    accounts = Accounts("ca_1")
    world = await wired(await make_world(), accounts)
    await world.start()
    await world.decide(Edit({"to": "bob@example.com"}))
    accounts.account = None
    await world.resume()
    accounts.account = "ca_2"
    await world.decide(Approve())
    await world.resume()
    await world.decide(Edit({"to": "carl@example.com"}))
    await world.resume()
    assert [effect["arguments"] for effect in world.effects] == [{"to": "carl@example.com"}]


async def test_what_was_done_is_told_as_done_in_a_replay_though_the_account_is_another_by_then(
    make_world: MakeWorld,
) -> None:
    accounts = Accounts("ca_1")
    world = await wired(await make_world(), accounts)
    await world.start()
    await world.decide(Approve())
    await world.resume()
    accounts.account = "ca_2"
    await accounts.find()
    async for past in world.graph.aget_state_history(world.config()):
        if past.next == ("execute",):
            replayed = await world.graph.ainvoke(None, past.config, durability="sync")
            assert [m.status for m in replayed["messages"] if m.type == "tool"] == ["success"]
    assert len(world.effects) == 1


async def test_a_fork_is_asked_what_happened_though_the_thread_has_asked_something_else_by_that_name(
    make_world: MakeWorld,
) -> None:
    accounts = Accounts("ca_1")
    world = await wired(await make_world(), accounts)
    await world.start()
    await world.decide(Approve())
    accounts.account = None
    await accounts.find()
    await world.resume()
    accounts.account = "ca_1"
    await world.decide(Approve())
    await world.resume()

    async def lost(_spec: ToolSpec, _arguments: Any, *, acted: bool) -> None:
        if acted:
            raise OutcomeUnknown("The connection broke.")

    world.tools.sabotage = lost
    history = [past async for past in world.graph.aget_state_history(world.config())]
    before = next(past for past in history if past.next == ("execute",))
    forked = await world.graph.ainvoke(None, before.config, durability="sync")
    assert "nobody can know whether it happened" in forked["__interrupt__"][0].value["message"]
