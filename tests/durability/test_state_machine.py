"""P2 and P3 under any order of events: a Hypothesis state machine drives a whole Nexus, fairly and unfairly.

After every step, whatever happened: I1 what ran is what was approved and shown; I2 an approval is
decided at most once, and the first decision stays; I3 nothing ran without an approval that was given in time;
I4 an edit made a new approval, and the old one runs nothing; and no approval has more than one effect.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Coroutine
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from langgraph.errors import EmptyInputError, InvalidUpdateError
from langgraph.types import Command
from pydantic import ValidationError

from nexus.core.action import Call, CallId, ThreadId, digest_of
from nexus.core.decision import Approve, Decision, Edit, Reject, Respond
from nexus.errors import ClockSetBack, NexusError, StoreUnavailable
from nexus.runtime.view import ThreadView
from tests.world import MAIL, SEND, World

T = TypeVar("T")

PLAN = tuple((SEND.slug, {**MAIL, "subject": subject}) for subject in ("one", "two"))
MEMORY = Path("/dev/shm")  # noqa: S108 - only the place for a folder of our own
DECISIONS: dict[str, Decision] = {
    "approve": Approve(),
    "edit": Edit({**MAIL, "subject": "edited"}),
    "reject": Reject(),
    "reject, with a reason": Reject("not that"),
    "respond": Respond("I did it by hand"),
}
GARBAGE: list[Any] = [
    "yes",
    True,
    {"approved": True},
    {"decisions": []},
    {"decisions": [{"type": "approve"}, {"type": "approve"}]},
    {"decisions": [{"type": "edit", "edited_action": {"name": "post_remove", "args": {"number": 1}}}]},
    {"decisions": [{"type": "edit", "edited_action": {"name": SEND.slug, "args": {"to": 7}}}]},
    [{"type": "accept"}, {"type": "accept"}],
    {"type": "approve", "digest": "0" * 64},
]
VENDOR = (ValidationError, EmptyInputError, InvalidUpdateError)
"""What LangGraph says to those who go around the runner with something that does not fit."""

LEGAL_WAYS = st.sampled_from(sorted(DECISIONS))
INDEX = st.integers(min_value=0, max_value=1_000)


class Nexus(RuleBasedStateMachine):
    """One thread of one Nexus, and everything that can come its way."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self._runner = asyncio.Runner()
        self.world = World(Path(self._folder.name) / "home", plan=PLAN)
        self.decided: dict[str, tuple[Any, ...]] = {}
        self.answers: list[tuple[str, Decision]] = []
        self.breaks: bool | None = None
        self.checked: tuple[int, list[Any]] | None = None
        self.may_jump = self.jumped = self.corrected = False

    # The world outside.

    async def _sabotage(self, *_: Any, acted: bool) -> None:
        if self.breaks is acted:
            self.breaks = None
            raise RuntimeError("the tool broke off")

    async def _open(self) -> None:
        await self.world.__aenter__()
        self.world.tools.sabotage = self._sabotage
        await self.world.database.read(lambda connection: connection.execute("PRAGMA busy_timeout=1"))
        await self.world.saver.conn.execute("PRAGMA busy_timeout=1")

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def _try(self, work: Coroutine[Any, Any, T]) -> T | Exception:
        """Whatever is refused must be refused with an error meant for the one who tried."""
        try:
            return self._do(work)
        except (NexusError, *VENDOR) as error:
            return error

    def _query(self, sql: str) -> list[sqlite3.Row]:
        return self.onlooker.execute(sql).fetchall()

    def _approvals(self) -> list[sqlite3.Row]:
        return self._query("SELECT * FROM approvals ORDER BY created_at, rowid")

    @initialize(may_jump=st.integers(0, 3).map(lambda number: number == 0))
    def open(self, *, may_jump: bool) -> None:
        self.may_jump = may_jump
        self._do(self._open())
        self._do(self.world.start())
        self.onlooker = sqlite3.connect(self.world.home / "nexus.db", isolation_level=None)
        self.onlooker.row_factory = sqlite3.Row

    # Fair events.

    @rule()
    def start(self) -> None:
        self._try(_finish(self.world, "Mail ana@example.com again"))

    @rule()
    def resume(self) -> None:
        self._try(self.world.resume())

    @rule(index=INDEX, way=LEGAL_WAYS, then_resume=st.booleans())
    def decide(self, index: int, way: str, *, then_resume: bool) -> None:
        rows = self._approvals()
        approval = rows[-1 - index % len(rows)]
        self._decide(approval["id"], DECISIONS[way])
        if then_resume:
            self.resume()

    def _decide(self, approval_id: str, decision: Decision) -> None:
        (before,) = [row for row in self._approvals() if row["id"] == approval_id]
        result = self._try(self.world.runner.decide(approval_id, decision, actor="test"))
        if before["state"] != "pending":
            assert isinstance(result, NexusError), f"{before['state']} was decided again"
        self.answers.append((approval_id, decision))

    @precondition(lambda self: self.answers)
    @rule(index=INDEX)
    def redeliver(self, index: int) -> None:
        self._decide(*self.answers[index % len(self.answers)])

    @rule()
    def restart(self) -> None:
        self._do(self.world.__aexit__())
        self._do(self._reopen())

    async def _reopen(self) -> None:
        old, self.world = self.world, World(self.world.home, plan=PLAN, clock=self.world.clock)
        del old
        await self._open()

    @rule(minutes=st.sampled_from([1, 60, 25 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.corrected = False
        self.world.advance(timedelta(minutes=minutes))

    @precondition(lambda self: not self.corrected)
    @rule()
    def a_time_server_corrects_the_clock(self) -> None:
        self.corrected = True
        self.world.advance(timedelta(seconds=-30))

    # Trouble.

    @rule(way=LEGAL_WAYS)
    def the_clock_is_set_back_for_a_while(self, way: str) -> None:
        before = self.world.effects
        self._do(self.world.approvals.expire_overdue())  # writes down the time that was
        self.world.advance(timedelta(hours=-2))
        newest = self._approvals()[-1]["id"]
        for work in (self.world.runner.decide(newest, DECISIONS[way], actor="test"), self.world.resume()):
            assert isinstance(self._try(work), ClockSetBack)
        self._run_graph(Command(resume=APPROVE))
        assert self.world.effects == before
        self.world.advance(timedelta(hours=2))

    @rule(
        file=st.sampled_from(["nexus.db", "checkpoints.db"]),
        tried=st.sampled_from(["decide", "resume", "answer around the runner"]),
        way=LEGAL_WAYS,
    )
    def a_file_is_locked_for_a_while(self, file: str, tried: str, way: str) -> None:
        before = self.world.effects
        newest = self._approvals()[-1]["id"]
        with closing(sqlite3.connect(self.world.home / file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            if tried == "answer around the runner":
                self._run_graph(Command(resume=APPROVE))
            else:
                work = {
                    "decide": lambda: self.world.runner.decide(newest, DECISIONS[way], actor="test"),
                    "resume": self.world.resume,
                }[tried]
                result = self._try(work())
                assert file == "checkpoints.db" or isinstance(result, StoreUnavailable)
            other.execute("ROLLBACK")
        assert file == "checkpoints.db" or self.world.effects == before

    @rule(acted=st.booleans())
    def the_next_call_breaks_off(self, *, acted: bool) -> None:
        self.breaks = acted

    # Unfair events: everything LangGraph lets those do who go around the runner.

    def _around(self, work: Awaitable[Any]) -> None:
        async def run() -> None:
            await work

        self._try(run())

    def _run_graph(self, value: Any, **configurable: Any) -> None:
        self._around(self.world.graph.ainvoke(value, self.world.config(**configurable), durability="sync"))

    @rule(way=st.sampled_from(["approve", "reject"]), with_digest=st.booleans(), index=INDEX)
    def answer_around_the_runner(self, way: str, *, with_digest: bool, index: int) -> None:
        rows = self._approvals()
        digest = {"digest": rows[-1 - index % len(rows)]["digest"]} if with_digest else {}
        self._run_graph(Command(resume={"decisions": [{"type": way, **digest}]}))

    @rule(garbage=st.sampled_from(GARBAGE))
    def answer_garbage_around_the_runner(self, garbage: Any) -> None:
        before = self.world.effects
        view = self._try(self.world.view())
        waits = isinstance(view, ThreadView) and view.status == "waiting"
        pending = [row["id"] for row in self._approvals() if row["state"] == "pending"]
        self._run_graph(Command(resume=garbage))
        if waits:
            assert self.world.effects == before
            assert pending == [row["id"] for row in self._approvals() if row["state"] == "pending"]

    @rule(index=INDEX)
    def run_again_from_an_old_checkpoint(self, index: int) -> None:
        self._run_graph(None, checkpoint_id=self._checkpoint(index))

    @rule(index=INDEX)
    def approve_at_an_old_checkpoint(self, index: int) -> None:
        self._run_graph(Command(resume=APPROVE), checkpoint_id=self._checkpoint(index))

    def _checkpoint(self, index: int) -> str:
        with closing(sqlite3.connect(self.world.home / "checkpoints.db")) as connection:
            ids = [row[0] for row in connection.execute("SELECT checkpoint_id FROM checkpoints ORDER BY 1")]
        return ids[index % len(ids)]

    @rule(update=st.sampled_from(["go", "forged arguments", "forged question", "forged tool"]))
    def pretend_to_be_the_approve_node(self, update: str) -> None:
        state = self._try(self.world.graph.aget_state(self.world.config()))
        call = None if isinstance(state, Exception) else state.values.get("call")
        values: dict[str, Any] = {"go": True}
        if call and update == "forged arguments":
            values["call"] = {**call, "arguments": {**MAIL, "to": "eve@example.com"}}
        if call and update == "forged tool":
            values["call"] = {**call, "tool": "post_remove", "arguments": {"number": 1}}
        if call and update == "forged question":
            values = {"question": "outcome", "go": False}
        self._around(self.world.graph.aupdate_state(self.world.config(), values, as_node="approve"))
        self.resume()

    @precondition(lambda self: self.may_jump)
    @rule(node=st.sampled_from(["execute", "approve"]))
    def jump_to_a_node(self, node: str) -> None:
        # LangGraph adds the node to the step that waits: two nodes in one step can wedge the thread for good.
        self.jumped = True
        self._run_graph(Command(goto=node))

    # What holds after each of them.

    @invariant()
    def every_promise_holds(self) -> None:
        (version,) = self.onlooker.execute("PRAGMA data_version").fetchone()
        if (version, self.world.effects) == self.checked:
            return
        self.checked = (version, self.world.effects)
        rows = {row["id"]: row for row in self._approvals()}
        self._each_decided_once(rows)
        claims = {row["key"]: row for row in self._query("SELECT * FROM effects")}
        seen: set[str] = set()
        for effect in self.world.effects:
            claim = claims[effect["key"]]
            approval = rows[claim["approval_id"]]
            assert approval["state"] == "approved", "I3: it ran without an approval"
            assert claim["claimed_at"] <= approval["expires_at"], "I3: it ran too late"
            assert _digest(effect, approval) == approval["digest"] == claim["digest"], (
                "I1: something else ran"
            )
            assert json.loads(approval["arguments"]) == effect["arguments"], "I1: something else was shown"
            assert approval["id"] not in seen, "an approval had two effects"
            seen.add(approval["id"])

    def _each_decided_once(self, rows: dict[str, sqlite3.Row]) -> None:
        for approval in rows.values():
            fact = tuple(
                approval[name] for name in ("state", "decided_at", "decided_by", "message", "successor")
            )
            if approval["state"] != "pending":
                assert self.decided.setdefault(approval["id"], fact) == fact, "I2: it was decided twice"
            if approval["state"] == "edited":
                successor = rows[approval["successor"]]
                assert successor["digest"] != approval["digest"], "I4: the edit is no new approval"
                assert successor["state"] == "approved", "I4: the edit was not approved"

    def teardown(self) -> None:
        """A person who says no to everything brings the thread to its end."""
        try:
            self.breaks = None
            stuck = self._try(self._end())
            assert stuck is None or self.jumped, stuck
            self.every_promise_holds()
        finally:
            self.onlooker.close()
            self._do(self.world.__aexit__())
            self._runner.close()
            self._folder.cleanup()

    async def _end(self) -> None:
        for _ in range(6):
            view = await self.world.view()
            if view.status == "idle":
                return
            for approval in view.approvals:
                await self.world.runner.decide(approval.id, Reject(), actor="test")
            await self.world.resume()
        raise NexusError("The thread is stuck.")


APPROVE = {"decisions": [{"type": "approve"}]}


async def _finish(world: World, request: str) -> None:
    async for _ in world.runner.run("t", request):
        pass


def _digest(effect: dict[str, Any], approval: sqlite3.Row) -> str:
    """The fingerprint of what really ran, worked out anew."""
    call_id, attempt = effect["key"].split(".")
    return digest_of(
        Call(CallId(call_id), effect["tool"], effect["arguments"], int(attempt)),
        SEND,
        thread=ThreadId(approval["thread"]),
        policy_version=approval["policy_version"],
        expires_at=datetime.fromisoformat(approval["expires_at"]),
    )


Nexus.TestCase.settings = settings(
    max_examples=300,
    stateful_step_count=30,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestNexus = pytest.mark.timeout(600)(Nexus.TestCase)
