"""How a tool's end is told; unknown outcomes are in tests/durability/test_unknown_outcomes.py."""

from __future__ import annotations

from typing import Any

import pytest
from tenacity import wait_none

from nexus.core.decision import Approve, Edit, Reject
from nexus.errors import (
    ArgumentsInvalid,
    NotFound,
    NotSent,
    PolicyDenied,
    Refused,
    ToolFailed,
)
from tests.world import MAIL, REMOVE, SEND, MakeWorld, World

OTHER = {**MAIL, "subject": "other"}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was not sent is tried again at once."""
    monkeypatch.setattr("graphs.trying.PAUSES", wait_none())


ENDS: list[tuple[Exception, str]] = [
    (ArgumentsInvalid("no such address", field="to"), "invalid"),
    (NotFound("There is no mail 7."), "invalid"),
    (Refused("403"), "refused"),
    (PolicyDenied("their rules"), "refused"),
    (NotSent("connection refused"), "failed"),
    (ToolFailed("mailbox full"), "failed"),
]


@pytest.mark.parametrize(("error", "outcome"), ENDS, ids=lambda value: type(value).__name__)
async def test_an_error_that_says_nothing_happened_goes_to_the_model(
    world: World, error: Exception, outcome: str
) -> None:
    calls = 0

    async def fails(*_: Any, acted: bool) -> None:  # noqa: ARG001 - the seam's
        nonlocal calls
        calls += 1
        raise error

    world.tools.sabotage = fails
    await world.start()
    approval = await world.decide(Approve())
    await world.resume()
    effect = await world.ledger.get(approval.call.key)
    assert effect is not None
    assert (effect.outcome, effect.text) == (outcome, str(error))
    assert await world.answered() == f"Error: {error}"
    assert (await world.view()).status == "idle"
    assert calls == (3 if isinstance(error, NotSent) else 1)


async def test_a_call_that_was_not_sent_is_sent_again(world: World) -> None:
    failures = [NotSent("refused"), NotSent("refused")]

    async def fails(*_: Any, acted: bool) -> None:
        if not acted and failures:
            raise failures.pop()

    world.tools.sabotage = fails
    await world.start()
    await world.decide(Approve())
    await world.resume()
    assert len(world.effects) == 1
    assert await world.answered() == "ok"


async def test_a_failure_the_model_does_not_get_over_ends_the_run(make_world: MakeWorld) -> None:
    plan = tuple((REMOVE.slug, {"number": number}) for number in range(9))
    world = await make_world(plan=plan)

    async def fails(*_: Any, acted: bool) -> None:  # noqa: ARG001 - the seam's
        raise ToolFailed("no")

    world.tools.sabotage = fails
    await world.start("Delete everything")
    for _ in range(3):
        await world.decide(Approve())
        await world.resume()
    assert (await world.view()).ending == "budget"


async def test_a_tool_that_went_away_before_it_was_asked_about_is_told_to_the_model(
    make_world: MakeWorld,
) -> None:
    world = await make_world()
    propose = world.model.complete

    async def then_it_is_gone(*args: Any, **more: Any) -> Any:
        done = await propose(*args, **more)
        if "ana@example.com" in done.text:
            del world.tools.specs[SEND.slug]
        return done

    world.model.complete = then_it_is_gone  # type: ignore[method-assign]
    await world.start()
    assert "no tool 'post_send'" in await world.answered()
    assert (await world.view()).status == "idle"


@pytest.mark.parametrize("decision", [Approve(), Edit(OTHER), Reject()], ids=lambda decision: decision.kind)
async def test_a_tool_that_went_away_after_the_decision_is_told_to_the_model(
    world: World, decision: Any
) -> None:
    await world.start()
    await world.decide(decision)
    del world.tools.specs[SEND.slug]
    await world.resume()
    assert world.effects == []
    assert (await world.view()).status == "idle"
    assert "no tool 'post_send'" in await world.answered()
