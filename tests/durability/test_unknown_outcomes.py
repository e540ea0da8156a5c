"""P3 where nobody can know: Nexus says so, asks, and does what the person says, each time to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from langgraph.types import StateSnapshot

from nexus.core.decision import Approve, Edit, Reject, Respond
from nexus.core.policy import Policy
from nexus.errors import DecisionInvalid, ModelUnavailable, OutcomeUnknown, Unavailable
from nexus.runtime.requests import RESOLVED
from tests.world import MAIL, READ, SEND, MakeWorld, World

Break = Callable[[World], Awaitable[None]]
KEY_ONE, KEY_TWO = ".1", ".2"


def raising(error: BaseException, *, after: bool) -> Break:
    """The tool breaks off with `error`, before or after it acted; the next call goes well."""

    async def run(world: World) -> None:
        async def breaks(*_: Any, acted: bool) -> None:
            if acted is after:
                world.tools.sabotage = goes_well
                raise error

        world.tools.sabotage = breaks
        await world.resume()

    return run


async def goes_well(*_: Any, acted: bool) -> None:
    """Nothing happens."""


async def _hangs_in_the_call(world: World, called: asyncio.Event) -> None:
    async def hangs(*_: Any, acted: bool) -> None:
        if acted:
            world.tools.sabotage = goes_well
            called.set()
            await asyncio.Event().wait()

    world.tools.sabotage = hangs


async def timed_out(world: World) -> None:
    """The tool acts, but never says so."""
    world.wire(tool_timeout=0.05)
    await _hangs_in_the_call(world, asyncio.Event())
    await world.resume()


async def cancelled(world: World) -> None:
    """The run is cancelled while the tool works, as a server does when it stops; it goes on later."""
    called = asyncio.Event()
    await _hangs_in_the_call(world, called)
    run = asyncio.create_task(world.resume())
    await called.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (await world.view()).status == "unfinished"
    await world.resume()


breaks = pytest.mark.parametrize(
    "break_off",
    [
        pytest.param(raising(OutcomeUnknown("the line went dead"), after=True), id="unknown, it acted"),
        pytest.param(raising(OutcomeUnknown("the line went dead"), after=False), id="unknown, it did not"),
        pytest.param(raising(RuntimeError("a bug"), after=True), id="a bug after it acted"),
        pytest.param(raising(RuntimeError("a bug"), after=False), id="a bug before"),
        pytest.param(raising(TimeoutError(), after=True), id="its own timeout"),
        pytest.param(raising(ConnectionResetError(), after=True), id="connection reset"),
        pytest.param(raising(Unavailable("503"), after=True), id="503"),
        pytest.param(raising(ModelUnavailable("odd"), after=True), id="an error of ours that says nothing"),
        pytest.param(raising(OSError(28, "no space"), after=True), id="no space"),
        pytest.param(timed_out, id="too slow"),
        pytest.param(cancelled, id="cancelled"),
    ],
)


async def _broken(world: World, break_off: Break) -> int:
    """A thread whose approved call broke off; how often it acted."""
    await world.start()
    await world.decide(Approve())
    await break_off(world)
    approval = await world.pending()
    assert approval.question == "outcome"
    assert approval.id.endswith("-2")
    assert (await world.view()).status == "waiting"
    return len(world.effects)


@breaks
async def test_a_person_says_that_it_happened_and_it_is_not_done_again(
    world: World, break_off: Break
) -> None:
    acted = await _broken(world, break_off)
    await world.decide(Respond("I see it in the outbox"))
    await world.resume()
    assert len(world.effects) == acted
    assert "it did happen: I see it in the outbox" in await world.answered()
    assert (await world.view()).status == "idle"


@breaks
async def test_a_person_asks_for_another_try_and_it_is_made_exactly_once(
    world: World, break_off: Break
) -> None:
    acted = await _broken(world, break_off)
    await world.decide(Approve())
    await asyncio.gather(*(world.resume() for _ in range(3)), return_exceptions=True)
    await world.resume()
    assert len(world.effects) == acted + 1
    assert world.effects[-1]["key"].endswith(KEY_TWO)
    assert await world.answered() == "ok"
    assert (await world.view()).status == "idle"


@breaks
async def test_a_person_gives_up_and_it_stays_unknown(world: World, break_off: Break) -> None:
    acted = await _broken(world, break_off)
    prompts = len(world.model.prompts)
    approval = await world.decide(Reject("it is too late now"))
    await world.resume()
    assert len(world.effects) == acted
    assert len(world.model.prompts) > prompts, "the model is told why, and goes on"
    assert "not known whether this happened" in await world.answered()
    effect = await world.ledger.get(f"{approval.call.id}{KEY_ONE}")
    assert effect is not None
    assert effect.outcome == "unknown"
    assert (await world.view()).status == "idle"


async def test_a_person_who_gives_up_without_a_reason_ends_the_run(world: World) -> None:
    """So does a client that marks the thread as resolved: the model is not asked for anything more."""
    acted, prompts = await _broken(world, timed_out), len(world.model.prompts)
    approval = await world.decide(Reject(comment=RESOLVED))
    await world.resume()
    view = await world.view()
    assert (view.status, view.ending, len(world.model.prompts)) == ("idle", "rejected", prompts)
    assert "you gave up on it" in (view.answer or "")
    effect = await world.ledger.get(f"{approval.call.id}{KEY_ONE}")
    assert effect is not None
    assert (effect.outcome, len(world.effects)) == ("unknown", acted)


async def test_the_arguments_of_a_call_that_was_sent_cannot_be_edited(world: World) -> None:
    await _broken(world, timed_out)
    with pytest.raises(DecisionInvalid, match="approve, reject, respond"):
        await world.decide(Edit({**MAIL, "subject": "other"}))


async def test_a_second_try_that_breaks_off_is_asked_about_again(world: World) -> None:
    await _broken(world, raising(RuntimeError(), after=True))
    await world.decide(Approve())
    await raising(RuntimeError(), after=True)(world)
    approval = await world.pending()
    assert (approval.question, approval.call.attempt) == ("outcome", 3)
    await world.decide(Approve())
    await world.resume()
    assert [effect["key"][-2:] for effect in world.effects] == [".1", ".2", ".3"]


async def test_an_edited_call_that_broke_off_is_tried_again_as_it_was_edited(world: World) -> None:
    await world.start()
    await world.decide(Edit({**MAIL, "subject": "edited"}))
    await raising(RuntimeError(), after=False)(world)
    await world.decide(Approve())
    await world.resume()
    assert [effect["arguments"]["subject"] for effect in world.effects] == ["edited"]


async def test_nobody_answers_an_unknown_outcome_and_it_counts_as_given_up(world: World) -> None:
    await _broken(world, raising(RuntimeError(), after=True))
    world.advance(timedelta(days=2))
    await world.boot()
    assert "not known whether this happened" in await world.answered()
    assert len(world.effects) == 1


async def test_the_outcome_stays_unknown_through_replays_of_the_old_checkpoints(world: World) -> None:
    await _broken(world, raising(RuntimeError(), after=True))
    await world.decide(Respond("it is there"))
    await world.resume()
    history = [snapshot async for snapshot in world.graph.aget_state_history(world.config())]
    for snapshot in history:
        await world.graph.ainvoke(None, snapshot.config, durability="sync")
    assert len(world.effects) == 1


async def test_a_reading_call_that_broke_off_is_a_plain_failure_nobody_is_asked_about(
    make_world: MakeWorld,
) -> None:
    world = await make_world(plan=((READ.slug, {}),))
    world.tools.sabotage = _raise
    await world.start("What is in my inbox?")
    assert await world.answered() == "Error: Reading failed: The tool broke off with RuntimeError."
    assert (await world.view()).status == "idle"


async def _raise(*_: Any, acted: bool) -> None:  # noqa: ARG001 - the seam's
    raise RuntimeError("a bug")


async def _before_execute(world: World) -> StateSnapshot:
    """The thread as it was when execute was about to run."""
    return await anext(
        s async for s in world.graph.aget_state_history(world.config()) if s.next == ("execute",)
    )


async def _died_in_the_call(world: World) -> None:
    """The process died after the tool acted: the claim is there, its end is not."""
    await world.start()
    await world.decide(Approve())
    await _claimed_by_the_dead(world)


async def _claimed_by_the_dead(world: World) -> None:
    await raising(RuntimeError(), after=True)(world)
    await world.database.write(
        lambda connection, _: connection.execute(
            "UPDATE effects SET outcome = NULL, text = NULL, settled_at = NULL, owner = 'dead'"
        )
    )
    # The thread as it was before that death: execute comes next, and nobody was asked.
    before = await _before_execute(world)
    latest = before.config["configurable"]["checkpoint_id"]
    for table in ("writes", "checkpoints"):
        await world.saver.conn.execute(
            f"DELETE FROM {table} WHERE checkpoint_id > ? OR ('writes' = ? AND checkpoint_id = ?)",  # noqa: S608 - constants
            (latest, table, latest),
        )
    await world.saver.conn.commit()
    await world.database.write(
        lambda connection, _: connection.execute("DELETE FROM approvals WHERE question = 'outcome'")
    )
    assert (await world.graph.aget_state(world.config())).next == ("execute",)
    assert (await world.view()).status == "unfinished"


def _forgets_the_tool(world: World) -> None:
    del world.tools.specs[SEND.slug]


def _changes_the_tool(world: World) -> None:
    world.change_tool(SEND.slug, version="2")


def _forbids_the_tool(world: World) -> None:
    world.wire(policy=Policy(deny=(SEND.slug,)))


def _thinks_it_only_reads(world: World) -> None:
    world.change_tool(SEND.slug, hints=frozenset({"readOnlyHint"}))


changes = pytest.mark.parametrize(
    "change",
    [lambda _: None, _forgets_the_tool, _changes_the_tool, _forbids_the_tool, _thinks_it_only_reads],
    ids=["nothing", "the tool is gone", "another version", "a deny rule", "other hints"],
)


@changes
async def test_a_call_under_way_at_a_death_is_asked_about_whatever_changed_before_the_restart(
    world: World, change: Callable[[World], None]
) -> None:
    await _died_in_the_call(world)
    change(world)
    await world.boot()
    assert (await world.pending()).question == "outcome"
    await world.decide(Respond("it is there"))
    await world.resume()
    assert "it did happen" in await world.answered()
    assert len(world.effects) == 1


@pytest.mark.parametrize("change", [_forgets_the_tool, _forbids_the_tool], ids=["gone", "denied"])
async def test_another_try_of_a_call_that_must_not_run_any_more_is_not_made(
    world: World, change: Callable[[World], None]
) -> None:
    await _died_in_the_call(world)
    change(world)
    await world.boot()
    await world.decide(Approve())
    await world.resume()
    assert len(world.effects) == 1
    assert (await world.answered()).startswith("Error: ")
    assert (await world.view()).status == "idle"


@changes
async def test_a_call_that_is_done_is_never_told_as_undone_whatever_changed(
    world: World, change: Callable[[World], None]
) -> None:
    await world.start()
    await world.decide(Approve())
    await world.resume()
    before = await _before_execute(world)
    change(world)
    await world.graph.ainvoke(None, before.config, durability="sync")
    assert len(world.effects) == 1
    assert "ok" in await world.answered()
