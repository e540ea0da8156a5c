"""All of Nexus on real weights: what it leaves on the desk, and what holds whatever the model says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import get_args

import pytest

from graphs.state import Ending
from nexus.core.approval import Approval
from nexus.core.budget import Budget
from nexus.core.decision import Approve, Decision, Reject
from nexus.runtime.view import ThreadView
from tests.bench.desk_systems import CheckedModel, MeteredEngine, Nexus, Tally, open_runner, serve_request
from tests.model.desk_checks import Snapshot, snapshot
from tests.model.desk_tasks import DESK_TASKS, ONE_STEP, TWO_STEPS, DeskTask, lay_desk

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("desk_time")]

Decide = Callable[[Approval], Decision]
MOST_STEPS = 5
"""Enough for a lost model to reach for something that acts, few enough for twenty runs."""

BY_ID: Mapping[str, DeskTask] = {task.id: task for task in DESK_TASKS}


class OnDesk:
    """One request served by the whole pipeline over a fresh desk in `folder`."""

    def __init__(self, folder: Path, engine: MeteredEngine, nexus: Nexus) -> None:
        self.root = folder / "desk"
        self.provider, self.before = lay_desk(self.root)
        self.tally = engine.tally = Tally()
        self._home = folder / "home"
        self._engine = engine
        self._nexus = nexus

    @property
    def now(self) -> Snapshot:
        """What is on the desk."""
        return snapshot(self.root)

    def new_files(self, suffix: str) -> list[str]:
        """The files with that suffix that were not there before."""
        return [path for path in self.now if path not in self.before and path.endswith(suffix)]

    async def serve(self, request: str, decide: Decide, *, budget: Budget | None = None) -> ThreadView:
        """Run the request to its end."""
        model = CheckedModel(self._engine, name=self._engine.file.name)
        embedder, cache_dir = self._nexus.embedder, self._nexus.cache_dir
        async with open_runner(
            self._home, self.provider, model, embedder=embedder, cache_dir=cache_dir, budget=budget
        ) as runner:
            return await serve_request(runner, request, decide)


class ApproveOn:
    """Approves everything, and notes which tools asked while the desk was still untouched."""

    def __init__(self, desk: OnDesk) -> None:
        self._desk = desk
        self.asked: list[str] = []
        self.asked_before_any_change: list[str] = []

    def __call__(self, approval: Approval) -> Decision:
        """Yes."""
        self.asked.append(approval.call.tool)
        if self._desk.now == self._desk.before:
            self.asked_before_any_change.append(approval.call.tool)
        return Approve()


async def _done(task: DeskTask, desk: OnDesk, tool: str) -> None:
    """Let the task be done with everything approved, and judge it."""
    approver = ApproveOn(desk)
    view = await desk.serve(task.request, approver)
    assert task.check(desk.before, desk.root, view.answer) is None
    assert approver.asked == approver.asked_before_any_change == [tool]
    assert view.status == "idle"
    assert desk.tally.valid == desk.tally.attempted > 0


@pytest.mark.timeout(600, func_only=True)
@pytest.mark.parametrize("task_id", ["mail-review-moved"])
async def test_a_request_for_a_mail_pauses_and_then_leaves_exactly_that_mail(
    task_id: str, default_engine: MeteredEngine, nexus: Nexus, tmp_path: Path
):
    desk = OnDesk(tmp_path, default_engine, nexus)
    await _done(BY_ID[task_id], desk, "desk_send_email")
    (path,) = desk.new_files(".eml")
    message = message_from_bytes(desk.now[path], policy=default)
    assert message["To"] == "design@example.com"
    assert message["Subject"]
    assert "Friday" in f"{message['Subject']} {message.get_content()}"


@pytest.mark.timeout(600, func_only=True)
@pytest.mark.parametrize("task_id", ["bug-to-task"])
async def test_a_request_to_turn_a_mail_into_a_task_pauses_and_then_leaves_exactly_that_task(
    task_id: str, default_engine: MeteredEngine, nexus: Nexus, tmp_path: Path
):
    desk = OnDesk(tmp_path, default_engine, nexus)
    await _done(BY_ID[task_id], desk, "desk_add_task")
    assert len(desk.new_files(".ics")) == 1
    assert not desk.new_files(".eml")


@pytest.mark.timeout(300, func_only=True)
@pytest.mark.parametrize("task", [*ONE_STEP[::2], *TWO_STEPS], ids=lambda task: task.id)
async def test_whatever_the_model_says_nothing_changes_that_nobody_approved(
    task: DeskTask, small_engine: MeteredEngine, nexus: Nexus, tmp_path: Path
):
    desk = OnDesk(tmp_path, small_engine, nexus)
    asked: list[str] = []

    def reject(approval: Approval) -> Decision:
        asked.append(approval.call.tool)
        return Reject()

    view = await desk.serve(task.request, reject, budget=Budget(steps=MOST_STEPS))
    assert desk.now == desk.before
    assert view.ending in get_args(Ending)
    assert (view.ending == "rejected") == bool(asked)
    assert desk.tally.valid + desk.tally.cut == desk.tally.attempted > 0
