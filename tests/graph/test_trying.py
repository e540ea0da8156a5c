"""What is tried again by itself, how often and after how long; and that nothing that acts is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from tenacity import wait_none

from nexus.core.decision import Approve
from nexus.core.policy import Policy
from nexus.core.tool import ToolSpec
from nexus.errors import NotSent, OutcomeUnknown, RateLimited, Refused, Unavailable
from nexus.runtime.runner import Event
from nexus.settings_policy import Rule
from nexus.tools.composio import ComposioProject
from nexus.tools.local import LocalProvider, tool
from nexus.tools.registry import Registry
from tests.graph.apps import FETCH, world_of
from tests.servers.composio.faults import Kind
from tests.servers.composio.standin import ComposioStandIn
from tests.world import READ, SEND, MakeWorld, World

QUERY = {"query": "invoice"}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A try follows at once, unless the service asks for a pause."""
    monkeypatch.setattr("graphs.trying.PAUSES", wait_none())


async def told(world: World, request: str = "What is new?") -> list[Event]:
    """The events of a new run."""
    await world.runner.create_thread("t")
    return [event async for event in world.runner.run("t", request)]


async def tries_of(world: World) -> list[int]:
    """How often each attempt was sent, as the ledger has it."""
    query = "SELECT tries FROM effects ORDER BY claimed_at"
    return await world.database.read(lambda connection: [row["tries"] for row in connection.execute(query)])


async def claims(world: World) -> list[Any]:
    """Why each claim but a first one was made, as the audit log has it."""
    events = await world.audit.after(0)
    return [event.data["said"] for event in events if event.kind == "claim" and event.data.get("again")]


@pytest.mark.parametrize("kind", ["429", "500", "502", "drop", "timeout", "junk", "409"])
async def test_an_app_that_fails_once_is_read_all_the_same(
    make_world: MakeWorld, project: ComposioProject, standin: ComposioStandIn, kind: Kind
) -> None:
    world = await world_of(make_world, project, ((FETCH, QUERY),))
    standin.fault(kind, retry_after=0)
    events = await told(world)
    assert standin.posts(FETCH) == 2
    assert await tries_of(world) == [2]
    assert len(await claims(world)) == 1
    assert [event["event"] for event in events if event["event"] in {"again", "observation"}] == [
        "again",
        "observation",
    ]
    assert not (await world.answered()).startswith("Error")


async def test_an_app_that_goes_on_failing_is_given_up_after_three_tries(
    make_world: MakeWorld, project: ComposioProject, standin: ComposioStandIn
) -> None:
    world = await world_of(make_world, project, ((FETCH, QUERY),))
    standin.fault("502", times=10)
    await told(world)
    assert standin.posts(FETCH) == 3
    assert await tries_of(world) == [3]
    assert await world.answered() == "Error: Reading failed: Something other than Composio answered 502."
    assert (await world.view()).status == "idle"


async def test_a_pause_is_as_long_as_the_app_asks_for(
    make_world: MakeWorld, project: ComposioProject, standin: ComposioStandIn
) -> None:
    world = await world_of(make_world, project, ((FETCH, QUERY),))
    standin.fault("429", retry_after=1.25)
    again = [event["seconds"] for event in await told(world) if event["event"] == "again"]
    assert again == [1.25]


@pytest.mark.parametrize("seconds", [31, 10], ids=["longer than any pause", "longer than the whole may take"])
async def test_a_pause_that_is_too_long_is_told_instead_of_made(
    make_world: MakeWorld, project: ComposioProject, standin: ComposioStandIn, seconds: int
) -> None:
    world = await world_of(make_world, project, ((FETCH, QUERY),))  # one call may take 1.5 s
    standin.fault("429", retry_after=seconds)
    await told(world)
    assert standin.posts(FETCH) == 1
    assert f"wait {seconds} seconds" in await world.answered()


async def test_a_run_that_is_cancelled_in_a_pause_sends_nothing_more(
    make_world: MakeWorld, project: ComposioProject, standin: ComposioStandIn
) -> None:
    world = await world_of(make_world, project, ((FETCH, QUERY),))
    world.wire(tool_timeout=30)
    standin.fault("429", retry_after=29)
    await world.runner.create_thread("t")
    pausing = asyncio.Event()

    async def follow() -> None:
        async for event in world.runner.run("t", "What is new?"):
            if event["event"] == "again":
                pausing.set()

    run = asyncio.create_task(follow())
    await pausing.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert standin.posts(FETCH) == 1
    assert await tries_of(world) == [1]
    await world.resume()
    assert (await world.view()).status == "idle"


def locally(world: World, *functions: Callable[..., Any]) -> Awaitable[None]:
    """The world's tools are these functions."""
    registry = Registry([LocalProvider("own", functions)])
    world.tools = registry  # type: ignore[assignment]  # whatever is behind the port
    return registry.refresh()


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), Unavailable("503"), RateLimited()])
async def test_a_function_that_reads_is_called_again_when_its_connection_breaks(
    make_world: MakeWorld, error: Exception
) -> None:
    world, failures = await make_world(plan=(("own_look", {}),)), [error]

    @tool(reads=True)
    def look() -> str:
        """Look at the meter."""
        if failures:
            raise failures.pop()
        return "7 kWh"

    await locally(world, look)
    world.wire()
    await told(world)
    assert await world.answered() == "7 kWh"
    assert await tries_of(world) == [2]


async def test_a_function_that_has_a_bug_is_not_called_again(make_world: MakeWorld) -> None:
    world, called = await make_world(plan=(("own_look", {}),)), []

    @tool(reads=True)
    def look() -> str:
        """Look at the meter."""
        called.append(1)
        raise ZeroDivisionError

    await locally(world, look)
    world.wire()
    await told(world)
    assert len(called) == 1


def breaking(world: World, *errors: Exception) -> list[ToolSpec]:
    """The next calls fail so; every call that was made."""
    made: list[ToolSpec] = []
    left = list(errors)

    async def breaks(spec: ToolSpec, *_: Any, acted: bool) -> None:
        if not acted:
            made.append(spec)
            if left:
                raise left.pop(0)

    world.tools.sabotage = breaks
    return made


PASSING = [OutcomeUnknown("lost"), RateLimited("later"), Unavailable("503"), TimeoutError(), OSError()]
ALLOWED = Policy(rules=(Rule.model_validate({"verdict": "allow", "tool": SEND.slug}),))


@pytest.mark.parametrize("policy", [Policy(), ALLOWED], ids=["asked", "allowed by a rule"])
@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
async def test_what_acts_is_never_sent_again_by_itself(
    make_world: MakeWorld, policy: Policy, error: Exception
) -> None:
    world = await make_world(policy=policy)
    made = breaking(world, error)
    await world.start()
    if policy is not ALLOWED:
        await world.decide(Approve())
        await world.resume()
    assert len(made) == 1
    assert await tries_of(world) == [1]


async def idempotent(make_world: MakeWorld, policy: Policy) -> World:
    """A world whose mailer says that a second sending does nothing more."""
    world = await make_world(policy=policy)
    world.tools.specs[SEND.slug] = replace(SEND, hints=frozenset({"updateHint", "idempotentHint"}))
    world.wire()
    return world


async def test_an_idempotent_call_that_a_person_approved_is_sent_once(make_world: MakeWorld) -> None:
    world = await idempotent(make_world, Policy())
    made = breaking(world, OutcomeUnknown("lost"))
    await world.start()
    await world.decide(Approve())
    await world.resume()
    assert len(made) == 1
    assert (await world.pending()).question == "outcome"


async def test_an_idempotent_call_that_a_rule_lets_run_is_sent_again(make_world: MakeWorld) -> None:
    world = await idempotent(make_world, ALLOWED)
    made = breaking(world, OutcomeUnknown("lost"))
    await world.start()
    assert len(made) == 2
    assert await world.answered() == "ok"


async def test_that_its_second_try_did_nothing_says_nothing_of_the_first(make_world: MakeWorld) -> None:
    world = await idempotent(make_world, ALLOWED)
    breaking(world, OutcomeUnknown("lost."), Refused("403"))
    await world.start()
    approval = await world.pending()
    assert approval.question == "outcome"
    assert "lost. Then: 403" in approval.reason


async def test_reading_that_a_person_approved_is_repeated_and_may_fail(make_world: MakeWorld) -> None:
    world = await make_world(plan=((READ.slug, {}),))
    world.tools.specs[READ.slug] = replace(READ, hints=frozenset({"readOnlyHint", "openWorldHint"}))
    world.wire()
    made = breaking(world, *[OutcomeUnknown("lost")] * 5)
    await world.start()
    await world.decide(Approve())
    await world.resume()
    assert len(made) == 3
    assert await world.answered() == "Error: Reading failed: lost"
    assert (await world.view()).status == "idle"


@pytest.mark.parametrize("error", [NotSent("refused"), OutcomeUnknown("lost")])
async def test_what_cannot_be_written_down_is_not_sent_again(make_world: MakeWorld, error: Exception) -> None:
    world = await make_world(plan=((READ.slug, {}),))
    await world.database.write(
        lambda connection, _: connection.execute(
            "CREATE TRIGGER full BEFORE UPDATE OF tries ON effects"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    )
    made = breaking(world, error)
    await world.start("What is new?")
    assert len(made) == 1
    assert str(error) in await world.answered()
