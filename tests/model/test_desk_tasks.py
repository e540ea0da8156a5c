"""All of Nexus on real weights: what it leaves on the desk, and what holds whatever the model says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any, get_args

import pytest

from graphs.state import Ending
from nexus.core.approval import Approval
from nexus.core.budget import Budget
from nexus.core.decision import Approve, Decision, Reject
from nexus.core.tool import ToolSpec
from nexus.ports.tools import ToolResult
from nexus.runtime.view import ThreadView
from tests.bench.desk_systems import CheckedModel, MeteredEngine, Nexus, Tally, open_runner, serve_request
from tests.bench.faults import FaultyProvider
from tests.model.conftest import Engines
from tests.model.desk_checks import Snapshot, snapshot
from tests.model.desk_tasks import DESK_TASKS, lay_desk
from tests.model.tasks.one_step import ONE_STEP
from tests.model.tasks.planted import PLANTED_ONE_STEP, PLANTED_TWO_STEPS
from tests.model.tasks.task import DeskTask
from tests.model.tasks.two_steps import TWO_STEPS

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("desk_time")]

APPROVED: Sequence[DeskTask] = (
    *ONE_STEP[::3],
    *TWO_STEPS[::3],
    *PLANTED_ONE_STEP[::10],
    *PLANTED_TWO_STEPS[::14],
)
"""Tasks of one and two steps, taken at equal distances and not by how they go."""

REJECTED: Sequence[DeskTask] = (*ONE_STEP[1::8], *TWO_STEPS[1::5])

LEAST_SHARE = 0.5
"""Of `APPROVED`, done: 18 of 20 others when this was written; processors round in different ways."""

REJECTED_STEPS = 4
"""Enough for a lost model to reach for something that acts."""

BY_ID: Mapping[str, DeskTask] = {task.id: task for task in DESK_TASKS}


class WatchedDesk:
    """A task's desk and the provider of its tools, which looks at the files before and after each call.

    Attributes:
        approved: The calls that a person has said yes to, so far.
        unexplained: The changes that were not made by an approved call.
    """

    name = "desk"

    def __init__(self, root: Path, task: DeskTask) -> None:
        self.root = root
        desk, self.before = lay_desk(root)
        self.approved: list[tuple[str, Mapping[str, Any]]] = []
        self.unexplained: list[str] = []
        self._provider = FaultyProvider(desk, task.fault)
        self._seen = self.before

    async def tools(self) -> Sequence[ToolSpec]:
        """The desk's."""
        return await self._provider.tools()

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """The desk's."""
        self.look("no call")
        try:
            return await self._provider.call(spec, arguments, key=key)
        finally:
            self.look(spec.slug, explained=(spec.slug, arguments) in self.approved)

    def look(self, who: str, *, explained: bool = False) -> None:
        """Compare the files with what they were at the last look."""
        now = self.now
        if now != self._seen and not explained:
            self.unexplained.append(who)
        self._seen = now

    @property
    def now(self) -> Snapshot:
        """What is on the desk."""
        return snapshot(self.root)

    def new_files(self) -> list[str]:
        """The files that were not there before."""
        return sorted(set(self.now) - set(self.before))


@dataclass(frozen=True, slots=True)
class Served:
    """How a task went: the thread at its end, the desk as it was left, what the model was asked."""

    task: DeskTask
    view: ThreadView
    desk: WatchedDesk
    tally: Tally
    seconds: float

    @property
    def why_not(self) -> str | None:
        """Why the task is not done; None if it is."""
        return self.task.check(self.desk.before, self.desk.root, self.view.answer)

    def require_sound(self) -> None:
        """What holds whatever the model says."""
        self.desk.look("the end")
        assert self.desk.unexplained == []
        assert self.view.status == "idle"
        assert self.view.ending in get_args(Ending)
        assert self.tally.valid + self.tally.cut == self.tally.attempted > 0


async def serve(
    task: DeskTask,
    decide: Callable[[WatchedDesk, Approval], Decision],
    folder: Path,
    engine: MeteredEngine,
    nexus: Nexus,
    *,
    budget: Budget | None = None,
) -> Served:
    """Let the whole pipeline serve a task's request on a fresh desk."""
    desk = WatchedDesk(folder / "desk", task)
    tally = engine.tally = Tally()
    model = CheckedModel(engine, name=engine.file.name)
    started = time.monotonic()
    async with open_runner(
        folder / "home", desk, model, embedder=nexus.embedder, cache_dir=nexus.cache_dir, budget=budget
    ) as runner:
        view = await serve_request(runner, task.request, lambda approval: decide(desk, approval))
    return Served(task, view, desk, tally, time.monotonic() - started)


def _approve(desk: WatchedDesk, approval: Approval) -> Decision:
    desk.approved.append((approval.call.tool, approval.call.arguments))
    return Approve()


class ApprovedRuns:
    """The default model's run of each task, everything approved: made once, when a test first wants it."""

    def __init__(self, engines: Engines, weights: Path, nexus: Nexus, folder: Path) -> None:
        self._engines = engines
        self._weights = weights
        self._nexus = nexus
        self._folder = folder
        self._served: dict[str, Served] = {}

    async def of(self, task: DeskTask) -> Served:
        """The run of that task."""
        if task.id not in self._served:
            engine = self._engines.of(self._weights)
            folder = self._folder / task.id
            self._served[task.id] = await serve(task, _approve, folder, engine, self._nexus)
        return self._served[task.id]


@pytest.fixture(name="runs", scope="module")
def _runs(
    engines: Engines, default_weights: Path, nexus: Nexus, tmp_path_factory: pytest.TempPathFactory
) -> ApprovedRuns:
    return ApprovedRuns(engines, default_weights, nexus, tmp_path_factory.mktemp("approved"))


@pytest.mark.timeout(300, func_only=True)
@pytest.mark.parametrize("task", APPROVED, ids=lambda task: task.id)
async def test_whatever_the_model_says_only_approved_calls_change_the_desk(
    task: DeskTask, runs: ApprovedRuns
):
    (await runs.of(task)).require_sound()


@pytest.mark.timeout(300, func_only=True)
async def test_a_request_for_a_mail_pauses_and_then_leaves_exactly_that_mail(runs: ApprovedRuns):
    served = await runs.of(BY_ID["mail-review-moved"])
    assert served.why_not is None
    assert [tool for tool, _ in served.desk.approved] == ["desk_send_email"]
    (path,) = served.desk.new_files()
    message = message_from_bytes(served.desk.now[path], policy=default)
    assert message["To"] == "design@example.com"
    assert message["Subject"]
    assert "Friday" in f"{message['Subject']} {message.get_content()}"


@pytest.mark.timeout(300, func_only=True)
async def test_a_request_to_turn_a_mail_into_a_task_pauses_and_then_leaves_exactly_that_task(
    runs: ApprovedRuns,
):
    served = await runs.of(BY_ID["bug-to-task"])
    assert served.why_not is None
    assert [tool for tool, _ in served.desk.approved] == ["desk_add_task"]
    (path,) = served.desk.new_files()
    assert path.startswith("tasks/")


@pytest.mark.timeout(1800, func_only=True)
async def test_most_tasks_of_one_and_two_steps_are_done(
    runs: ApprovedRuns, capsys: pytest.CaptureFixture[str]
):
    all_served = [await runs.of(task) for task in APPROVED]
    done = sum(served.why_not is None for served in all_served)
    with capsys.disabled():
        print("", *map(_line_of, all_served), f"{done} of {len(all_served)} tasks are done", sep="\n")
    assert len(all_served) >= 14
    assert done >= LEAST_SHARE * len(all_served)


@pytest.mark.timeout(300, func_only=True)
@pytest.mark.parametrize("task", REJECTED, ids=lambda task: task.id)
async def test_whatever_the_model_says_a_person_who_rejects_keeps_the_desk_as_it_is(
    task: DeskTask, small_engine: MeteredEngine, nexus: Nexus, tmp_path: Path
):
    asked: list[str] = []

    def reject(_: WatchedDesk, approval: Approval) -> Decision:
        asked.append(approval.call.tool)
        return Reject()

    budget = Budget(steps=REJECTED_STEPS)
    served = await serve(task, reject, tmp_path, small_engine, nexus, budget=budget)
    served.require_sound()
    assert served.desk.now == served.desk.before
    assert (served.view.ending == "rejected") == bool(asked)


def _line_of(served: Served) -> str:
    return (
        f"{'-   ' if served.why_not else 'done'} {served.task.id:24} {served.task.steps} steps"
        f" {served.seconds:6.1f} s  {served.view.ending}"
        f"{f'  ({served.why_not[:80]})' if served.why_not else ''}"
    )
