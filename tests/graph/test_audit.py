"""What a run leaves in the audit log, and that the log and the rest are never apart."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from nexus.core.decision import Approve, Edit, Reject, Respond
from nexus.core.policy import Policy
from nexus.core.tool import ToolSpec
from nexus.errors import OutcomeUnknown, StoreUnavailable
from nexus.store.audit import SqliteAudit
from tests.world import MAIL, READ, SEND, MakeWorld, World


async def kinds(world: World) -> list[str]:
    """The kinds of all events, in order."""
    return [event.kind for event in await world.audit.after(0, limit=1000)]


async def data_of(world: World, kind: str) -> list[dict[str, Any]]:
    """What is known of every event of that kind."""
    return [dict(event.data) for event in await world.audit.after(0, limit=1000) if event.kind == kind]


async def test_an_approved_call_is_told_from_proposal_to_end(world: World) -> None:
    await world.start()
    approval = await world.decide(Approve())
    await world.resume()
    assert await kinds(world) == [
        "proposal",
        "verdict",
        "approval.requested",
        "approval.decided",
        "claim",
        "outcome",
        "run.completed",
    ]
    (proposal,), (verdict,) = await data_of(world, "proposal"), await data_of(world, "verdict")
    assert proposal["arguments"] == MAIL
    assert (verdict["verdict"], verdict["reason"]) == ("ask", approval.reason)
    (decided,), (claim,) = await data_of(world, "approval.decided"), await data_of(world, "claim")
    assert (decided["state"], decided["by"]) == ("approved", "test")
    assert claim["digest"] == decided["digest"] == approval.digest
    assert (await world.audit.verify()).problem is None


async def test_a_call_that_needs_no_person_is_told_with_the_reason(make_world: MakeWorld) -> None:
    world = await make_world(plan=[(READ.slug, {})])
    await world.start("What is in the inbox?")
    assert await kinds(world) == ["proposal", "verdict", "claim", "outcome", "run.completed"]
    (verdict,) = await data_of(world, "verdict")
    assert (verdict["verdict"], verdict["reason"]) == ("allow", "it only reads")


async def test_a_forbidden_call_is_told_once_however_often_it_is_judged(make_world: MakeWorld) -> None:
    world = await make_world(policy=Policy(deny=("post_send",)))
    await world.start()
    history = [snapshot async for snapshot in world.graph.aget_state_history(world.config())]
    judged = next(snapshot for snapshot in history if snapshot.next == ("approve",))
    await world.graph.ainvoke(None, judged.config)
    assert [data["verdict"] for data in await data_of(world, "verdict")] == ["deny"]
    (proposal,) = await data_of(world, "proposal")
    assert proposal["arguments"] == MAIL


async def test_an_edit_is_told_with_the_arguments_that_run(world: World) -> None:
    await world.start()
    changed = {"to": "ben@example.com"}
    await world.decide(Edit(changed))
    await world.resume()
    (decided,) = await data_of(world, "approval.decided")
    (claim,) = await data_of(world, "claim")
    assert (decided["state"], decided["arguments"]) == ("edited", changed)
    assert claim["digest"] == decided["successor_digest"]


async def test_no_answer_in_time_is_told_once(world: World) -> None:
    await world.start()
    world.advance(timedelta(hours=25))
    await world.view()
    await world.resume()
    assert (await kinds(world)).count("approval.expired") == 1


async def test_an_unknown_outcome_is_told_and_what_the_person_says_of_it(world: World) -> None:
    async def lost(spec: ToolSpec, arguments: Any, *, acted: bool) -> None:  # noqa: ARG001
        if acted:
            raise OutcomeUnknown("no answer")

    world.tools.sabotage = lost
    await world.start()
    await world.decide(Approve())
    await world.resume()
    assert (await kinds(world))[-3:] == ["outcome", "outcome_unknown", "approval.requested"]
    await world.decide(Respond("I saw it arrive"))
    await world.resume()
    (_, said) = await data_of(world, "outcome")
    assert (said["outcome"], said["resolved"]) == ("done", True)


async def test_a_run_that_breaks_off_is_told_as_failed_and_then_as_completed(world: World) -> None:
    complete = world.model.complete
    world.model.complete = _raises  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await world.start()
    world.model.complete = complete  # type: ignore[method-assign]
    await world.resume()
    await world.decide(Reject())
    await world.resume()
    assert [kind for kind in await kinds(world) if kind.startswith("run")] == ["run.failed", "run.completed"]
    assert await data_of(world, "run.failed") == [{"error": "StoreUnavailable"}]


async def _raises(*_: Any, **__: Any) -> Any:
    raise StoreUnavailable("not now: ana@example.com")


async def test_what_tools_return_is_not_in_the_log(make_world: MakeWorld) -> None:
    world = await make_world(plan=[(READ.slug, {})])
    world.tools.result = "a letter that is nobody's business"
    await world.start("What is in the inbox?")
    assert all("business" not in str(event.facts) for event in await world.audit.after(0))


async def test_what_cannot_be_told_is_not_done_and_not_decided(world: World) -> None:
    await world.start()
    with closing(sqlite3.connect(world.home / "nexus.db")) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END")
        other.commit()
        with pytest.raises(StoreUnavailable):
            await world.decide(Approve())
        assert (await world.pending()).is_pending
        other.execute("DROP TRIGGER full")
        other.commit()
    await world.decide(Approve())
    await world.resume()
    assert len(world.effects) == 1


async def test_a_changed_file_is_found(world: World) -> None:
    await world.start()
    kept = (await world.audit.verify()).head
    with closing(sqlite3.connect(world.home / "nexus.db")) as other:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute("UPDATE audit SET user = 'ben' WHERE number = 2")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute("DELETE FROM audit")
        other.execute("DROP TRIGGER audit_is_kept")
        other.execute("DELETE FROM audit WHERE number = 3")
        other.commit()
    check = await world.audit.verify()
    assert (check.events, check.problem) == (2, "its end is missing")
    assert (await world.audit.verify(expected=kept)).problem


async def test_users_see_their_own_events_and_nobody_sees_all_but_the_operator(world: World) -> None:
    await world.start()
    assert await SqliteAudit(world.database, "ana").after(0) == []
    everything = await SqliteAudit(world.database).after(0)
    assert [event.number for event in everything] == [1, 2, 3]
    assert [event.number for event in await world.audit.after(2)] == [3]
    assert {event.user for event in everything} == {"owner"}


async def test_the_send_is_told_before_it_happens(world: World) -> None:
    seen: list[list[str]] = []

    async def look(spec: ToolSpec, arguments: Any, *, acted: bool) -> None:  # noqa: ARG001
        if spec.slug == SEND.slug and not acted:
            seen.append(await kinds(world))

    world.tools.sabotage = look
    await world.start()
    await world.decide(Approve())
    await world.resume()
    assert seen[0][-1] == "claim"
