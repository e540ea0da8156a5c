"""What the SQLite stores promise: approvals, threads, the ledger, and who owns a claim."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from nexus.core.action import ApprovalId, Call, CallId, Digest, ThreadId
from nexus.core.approval import Approval
from nexus.core.decision import Approve, Edit, Reject
from nexus.core.effect import Claim, Claimed, Effect, InProgress, Settled
from nexus.errors import ApprovalExpired, Conflict, DigestMismatch, NotFound, Refused, StoreUnavailable
from nexus.runtime.locks import ThreadLocks
from nexus.store.approvals import SqliteApprovals
from nexus.store.database import Database
from nexus.store.ledger import LOST, SqliteLedger
from nexus.store.owner import Owner
from nexus.store.threads import SqliteThreads
from nexus.testing import FakeClock
from tests.world import MAIL

DONE = Effect("done", "sent", "ref-1")


class Stores:
    """The stores of one process over one file."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.clock = clock
        self.database = Database(folder / "nexus.db", clock)
        self.owner = Owner(folder / "owners")
        self.approvals = SqliteApprovals(self.database)
        self.threads = SqliteThreads(self.database)
        self.ledger = SqliteLedger(self.database, self.owner)

    async def close(self) -> None:
        """End in good order."""
        await self.database.close()
        self.owner.close()

    def approval(self, name: str = "a", **facts: object) -> Approval:
        """A pending approval of a call named so."""
        call = Call(CallId(name), "post_send", MAIL)
        return replace(
            Approval(
                id=call.approval_id,
                thread=ThreadId("t"),
                call=call,
                question="action",
                digest=Digest("d"),
                reason="why",
                policy_version="p",
                origins={"/to": "user"},
                created_at=self.clock.now(),
                expires_at=self.clock.now() + timedelta(hours=1),
            ),
            **facts,  # type: ignore[arg-type]
        )


@pytest.fixture(name="stores")
async def _stores(tmp_path: Path) -> AsyncIterator[Stores]:
    stores = Stores(tmp_path, FakeClock())
    yield stores
    await stores.close()


@pytest.fixture(name="others")
async def _others(tmp_path: Path, stores: Stores) -> AsyncIterator[Stores]:
    """The same file, in another process."""
    others = Stores(tmp_path, stores.clock)
    yield others
    await others.close()


# Approvals.


async def test_an_approval_comes_back_as_it_was_asked(stores: Stores) -> None:
    asked = stores.approval(call=Call(CallId("a"), "post_send", {"to": "Zoë", "n": 1, "l": [None, True]}))
    assert await stores.approvals.ask(asked) == asked
    assert await stores.approvals.get(asked.id) == asked


async def test_asking_again_changes_nothing(stores: Stores) -> None:
    first = await stores.approvals.ask(stores.approval())
    assert await stores.approvals.ask(stores.approval(digest=Digest("other"), reason="other")) == first
    await stores.approvals.decide(first.id, Approve(), actor="ana")
    assert (await stores.approvals.ask(stores.approval())).state == "approved"


async def test_an_approval_is_found_by_the_beginning_of_its_id_if_that_is_unique(stores: Stores) -> None:
    for name in ("abc", "abd", "x%_"):
        await stores.approvals.ask(stores.approval(name))
    assert (await stores.approvals.get("abc")).call.id == "abc"
    assert (await stores.approvals.get("x%")).call.id == "x%_"
    for beginning, problem in [
        ("ab", "More than one"),
        ("z", "There is no"),
        ("", "There is no"),
        ("%", "There is no"),
    ]:
        with pytest.raises(NotFound, match=problem):
            await stores.approvals.get(beginning)


async def test_a_whole_id_that_begins_another_is_found(stores: Stores) -> None:
    await stores.approvals.ask(stores.approval())
    await stores.approvals.ask(stores.approval(id=ApprovalId("a-10")))
    assert (await stores.approvals.get("a-1")).id == "a-1"


async def test_the_first_decision_wins_whoever_makes_it(stores: Stores, others: Stores) -> None:
    await stores.approvals.ask(stores.approval())
    ends = await asyncio.gather(
        *(
            side.approvals.decide(ApprovalId("a-1"), decision, actor=actor)
            for side, decision, actor in [(stores, Approve(), "ana"), (others, Reject("no"), "bob")] * 5
        ),
        return_exceptions=True,
    )
    winners = [end for end in ends if isinstance(end, Approval)]
    assert len(winners) == 1
    assert sum(isinstance(end, Conflict) for end in ends) == 9
    assert await others.approvals.get("a-1") == winners[0]


async def test_an_edit_and_its_successor_are_stored_together_or_not_at_all(stores: Stores) -> None:
    old = await stores.approvals.ask(stores.approval())
    new = stores.approval("ax", state="approved", digest=Digest("e"))
    await stores.approvals.decide(old.id, Edit({}), actor="ana", successor=new)
    assert (await stores.approvals.get("a-1")).successor == "ax-1"
    assert (await stores.approvals.get("ax-1")).decided_by == "ana"
    with pytest.raises(Conflict):
        await stores.approvals.decide(old.id, Edit({}), actor="bob", successor=stores.approval("ay"))
    with pytest.raises(NotFound):
        await stores.approvals.get("ay-1")


async def test_what_is_overdue_is_expired_whenever_it_is_looked_at(stores: Stores) -> None:
    for name in ("a", "b", "c", "d"):
        await stores.approvals.ask(stores.approval(name))
    stores.clock.advance(timedelta(hours=2))
    assert (await stores.approvals.get("a-1")).state == "expired"
    assert (await stores.approvals.ask(stores.approval("b"))).state == "expired"
    with pytest.raises(ApprovalExpired):
        await stores.approvals.decide(ApprovalId("c-1"), Approve(), actor="ana")
    assert await stores.approvals.search() == []
    assert {approval.state for approval in await stores.approvals.search(pending_only=False)} == {"expired"}


async def test_approvals_are_listed_the_oldest_first_by_thread_and_state(stores: Stores) -> None:
    for name, thread in [("b", "t"), ("a", "u"), ("c", "t")]:
        await stores.approvals.ask(stores.approval(name, thread=ThreadId(thread)))
        stores.clock.advance(timedelta(minutes=1))
    await stores.approvals.decide(ApprovalId("b-1"), Approve(), actor="ana")

    async def ids(**which: object) -> list[str]:
        return [approval.call.id for approval in await stores.approvals.search(**which)]  # type: ignore[arg-type]

    assert await ids() == ["a", "c"]
    assert await ids(thread=ThreadId("t")) == ["c"]
    assert await ids(pending_only=False) == ["b", "a", "c"]
    assert await ids(limit=1) == ["a"]


# Threads.


async def test_a_thread_keeps_its_first_title_and_its_id_is_its_own(stores: Stores) -> None:
    await stores.threads.create(ThreadId("one"))
    await stores.threads.touch(ThreadId("one"), title="first")
    stores.clock.advance(timedelta(minutes=1))
    await stores.threads.touch(ThreadId("one"), title="second")
    thread = await stores.threads.get("one")
    assert (thread.title, thread.updated_at - thread.created_at) == ("first", timedelta(minutes=1))
    with pytest.raises(Conflict):
        await stores.threads.create(ThreadId("one"))


async def test_threads_are_found_by_unique_beginnings_and_listed_the_latest_first(stores: Stores) -> None:
    for name in ("abc", "abcd", "xyz"):
        await stores.threads.create(ThreadId(name))
        stores.clock.advance(timedelta(minutes=1))
    assert (await stores.threads.get("abc")).id == "abc"
    assert (await stores.threads.get("x")).id == "xyz"
    for beginning in ("ab", "", "q", "%"):
        with pytest.raises(NotFound):
            await stores.threads.get(beginning)
    assert [thread.id for thread in await stores.threads.search()] == ["xyz", "abcd", "abc"]
    assert len(await stores.threads.search(limit=1)) == 1


# The ledger.


def claim(key: str = "a.1", **facts: object) -> Claim:
    return replace(
        Claim(
            key=key,
            thread="t",
            tool="post_send",
            digest=Digest("d"),
            needs_approval=True,
            is_repeatable=False,
        ),
        **facts,  # type: ignore[arg-type]
    )


READING = claim("r.1", needs_approval=False, is_repeatable=True)


async def approved(stores: Stores) -> None:
    await stores.approvals.ask(stores.approval())
    await stores.approvals.decide(ApprovalId("a-1"), Approve(), actor="ana")


async def test_exactly_one_of_many_claims_is_granted(stores: Stores, others: Stores) -> None:
    await approved(stores)
    ends = await asyncio.gather(
        *(side.ledger.claim(claim(), approval_id="a-1") for side in [stores, others] * 10)
    )
    assert sum(isinstance(end, Claimed) for end in ends) == 1
    assert sum(isinstance(end, InProgress) for end in ends) == 19


async def test_a_settled_attempt_answers_with_its_end_for_ever(stores: Stores, others: Stores) -> None:
    await approved(stores)
    await stores.ledger.claim(claim(), approval_id="a-1")
    await stores.ledger.settle("a.1", DONE)
    await stores.ledger.settle("a.1", Effect("failed", "late"))
    stores.clock.advance(timedelta(days=400))
    for side in (stores, others):
        assert await side.ledger.claim(claim(), approval_id="a-1") == Settled(DONE)
        assert await side.ledger.get("a.1") == DONE


async def test_nothing_is_claimed_without_an_approval_in_time_of_this_very_action(stores: Stores) -> None:
    with pytest.raises(Refused, match="unknown to the store"):
        await stores.ledger.claim(claim(), approval_id="a-1")
    await stores.approvals.ask(stores.approval())
    with pytest.raises(Refused, match="it is pending"):
        await stores.ledger.claim(claim(), approval_id="a-1")
    await stores.approvals.decide(ApprovalId("a-1"), Approve(), actor="ana")
    with pytest.raises(DigestMismatch):
        await stores.ledger.claim(claim(digest=Digest("e")), approval_id="a-1")
    with pytest.raises(Refused, match="forbidden by now"):
        await stores.ledger.claim(claim(refusal=Refused("forbidden by now")), approval_id="a-1")
    stores.clock.advance(timedelta(hours=2))
    with pytest.raises(ApprovalExpired):
        await stores.ledger.claim(claim(), approval_id="a-1")
    assert await stores.ledger.get("a.1") is None


async def test_reading_needs_no_approval(stores: Stores) -> None:
    assert await stores.ledger.claim(READING, approval_id="") == Claimed()


async def test_an_attempt_whose_process_ended_is_unknown_and_stays_so(stores: Stores, others: Stores) -> None:
    await approved(stores)
    await others.ledger.claim(claim(), approval_id="a-1")
    assert await stores.ledger.claim(claim(), approval_id="a-1") == InProgress()
    others.owner.close()
    assert await stores.ledger.claim(claim(), approval_id="a-1") == Settled(LOST)
    await others.ledger.settle("a.1", DONE)
    assert await stores.ledger.get("a.1") == LOST


async def test_a_reading_attempt_whose_process_ended_may_run_again(stores: Stores, others: Stores) -> None:
    await others.ledger.claim(READING, approval_id="")
    assert await stores.ledger.claim(READING, approval_id="") == InProgress()
    others.owner.close()
    assert await stores.ledger.claim(READING, approval_id="") == Claimed()
    assert await stores.ledger.claim(READING, approval_id="") == InProgress()


async def test_what_ran_as_something_else_is_refused_and_named_but_unknown_stays_unknown(
    stores: Stores, others: Stores
) -> None:
    await approved(stores)
    await stores.ledger.claim(claim(), approval_id="a-1")
    await stores.ledger.settle("a.1", DONE)
    with pytest.raises(DigestMismatch, match="done: sent"):
        await stores.ledger.claim(claim(digest=Digest("e")), approval_id="a-1")
    await others.ledger.claim(READING, approval_id="")
    others.owner.close()
    other = replace(READING, digest=Digest("e"))
    assert await stores.ledger.claim(other, approval_id="") == Settled(LOST)
    assert await stores.ledger.claim(other, approval_id="") == Settled(LOST)


async def test_a_released_claim_can_be_made_again_and_a_settled_one_cannot_be_released(
    stores: Stores,
) -> None:
    await stores.ledger.claim(READING, approval_id="")
    await stores.ledger.release("r.1")
    assert await stores.ledger.claim(READING, approval_id="") == Claimed()
    await stores.ledger.settle("r.1", DONE)
    await stores.ledger.release("r.1")
    assert await stores.ledger.get("r.1") == DONE


async def test_a_person_resolves_an_unknown_outcome_once(stores: Stores) -> None:
    await stores.ledger.claim(READING, approval_id="")
    await stores.ledger.resolve("r.1", DONE)
    assert await stores.ledger.get("r.1") is None
    await stores.ledger.settle("r.1", LOST)
    await stores.ledger.resolve("r.1", Effect("done", "I saw it"))
    await stores.ledger.resolve("r.1", Effect("unknown", "given up"))
    assert await stores.ledger.get("r.1") == Effect("done", "I saw it")
    await stores.ledger.resolve("none.1", DONE)


async def test_an_end_that_could_not_be_written_is_written_by_the_next_claim(stores: Stores) -> None:
    await stores.ledger.claim(READING, approval_id="")
    await stores.database.read(lambda connection: connection.execute("PRAGMA query_only=ON"))
    with pytest.raises(StoreUnavailable):
        await stores.ledger.settle("r.1", DONE)
    await stores.database.read(lambda connection: connection.execute("PRAGMA query_only=OFF"))
    assert await stores.ledger.claim(READING, approval_id="") == Settled(DONE)


async def test_a_claim_whose_claimer_was_cancelled_is_given_back(stores: Stores, tmp_path: Path) -> None:
    """The row may be on disk before the cancellation arrives; the call it was for never left."""
    await stores.threads.search()
    with contextlib.closing(sqlite3.connect(tmp_path / "nexus.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        claiming = asyncio.create_task(stores.ledger.claim(READING, approval_id=""))
        await asyncio.sleep(0)
        claiming.cancel()
        await asyncio.sleep(0)
        other.execute("ROLLBACK")
        with pytest.raises(asyncio.CancelledError):
            await claiming
    assert await stores.ledger.claim(READING, approval_id="") == Claimed()


async def test_a_claim_that_was_cancelled_and_then_refused_says_only_that_it_was_cancelled(
    stores: Stores,
) -> None:
    await stores.threads.search()
    claiming = asyncio.create_task(stores.ledger.claim(claim(), approval_id="a-1"))
    await asyncio.sleep(0)
    claiming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claiming


# Owners and locks.


async def test_an_owner_lives_until_it_is_closed_and_strangers_are_dead(
    stores: Stores, others: Stores
) -> None:
    assert stores.owner.is_alive(stores.owner.token)
    assert stores.owner.is_alive(others.owner.token)
    assert not stores.owner.is_alive("nobody")
    others.owner.close()
    assert not stores.owner.is_alive(others.owner.token)


async def test_an_owner_whose_process_died_leaves_a_lock_file_that_nobody_holds(
    stores: Stores, tmp_path: Path
) -> None:
    (tmp_path / "owners" / "dead.lock").touch()
    assert not stores.owner.is_alive("dead")


def _everything(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


async def test_a_thread_is_held_by_one_at_a_time_across_processes(tmp_path: Path) -> None:
    mine, theirs = ThreadLocks(tmp_path), ThreadLocks(tmp_path)
    async with mine.hold("../t"):
        assert mine.is_held("../t")
        assert theirs.is_held("../t")
        assert not theirs.is_held("u")
        for locks in (mine, theirs):
            with pytest.raises(Conflict, match="Wait for that run to end"):
                async with locks.hold("../t"):
                    raise NotImplementedError
    assert not theirs.is_held("../t")
    async with theirs.hold("../t"):
        assert mine.is_held("../t")
    assert {path.parent for path in _everything(tmp_path)} == {tmp_path}
