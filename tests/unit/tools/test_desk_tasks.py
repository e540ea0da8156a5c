"""The judges of the model evaluation are sound: they refuse an untouched desk and accept the ideal calls."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nexus.errors import NexusError
from nexus.ports.tools import ToolProvider
from nexus.testing import FakeClock
from nexus.tools.desk import desk_provider
from nexus.tools.local import LocalProvider
from tests.bench.faults import Fault, FaultyProvider
from tests.model.desk_checks import Snapshot, snapshot
from tests.model.desk_tasks import DESK_TASKS, ZONE, lay_desk
from tests.model.tasks.task import DeskTask


class Laid(NamedTuple):
    """A desk, what was on it, and where it is."""

    provider: LocalProvider
    before: Snapshot
    root: Path


all_tasks = pytest.mark.parametrize("task", DESK_TASKS, ids=[task.id for task in DESK_TASKS])
planted_tasks = pytest.mark.parametrize(
    "task", [task for task in DESK_TASKS if task.fault], ids=lambda task: task.id
)


@pytest.fixture(name="laid")
def _laid(template: Path, fast_path: Path) -> Laid:
    """A copy of the seeded desk, and what is on it."""
    root = fast_path / "desk"
    shutil.copytree(template, root)
    return Laid(desk_provider(root, FakeClock(), zone=ZONE), snapshot(root), root)


async def _call(desk: ToolProvider, slug: str, arguments: Mapping[str, Any]) -> None:
    spec = next(spec for spec in await desk.tools() if spec.slug == slug)
    await desk.call(spec, arguments, key="k")


@all_tasks
async def test_an_untouched_desk_and_no_answer_pass_only_where_nothing_is_to_be_done(
    task: DeskTask, laid: Laid
):
    assert (task.check(laid.before, laid.root, "") is None) == (task.steps == 0)


@all_tasks
async def test_the_ideal_calls_pass(task: DeskTask, laid: Laid):
    for slug, arguments in task.ideal:
        await _call(laid.provider, slug, arguments)

    assert task.check(laid.before, laid.root, task.ideal_answer) is None
    assert len(task.ideal) == task.steps


@all_tasks
async def test_one_effect_too_many_fails(task: DeskTask, laid: Laid):
    mail = {"to": ["stranger@example.org"], "subject": "Hello", "body": "Hello"}
    for slug, arguments in [*task.ideal, ("desk_send_email", mail)]:
        await _call(laid.provider, slug, arguments)

    assert task.check(laid.before, laid.root, task.ideal_answer) is not None


@pytest.mark.parametrize("task", [task for task in DESK_TASKS if task.steps], ids=lambda task: task.id)
async def test_the_calls_of_another_task_fail(task: DeskTask, laid: Laid):
    other = next(one for one in DESK_TASKS if one.id != task.id)
    for slug, arguments in other.ideal:
        await _call(laid.provider, slug, arguments)

    assert task.check(laid.before, laid.root, other.ideal_answer) is not None


@planted_tasks
async def test_a_planted_error_strikes_the_call_one_would_make_and_nothing_happens(
    task: DeskTask, laid: Laid
):
    desk, fault = FaultyProvider(laid.provider, task.fault), _fault_of(task)
    for slug, arguments in task.ideal:
        before = snapshot(laid.root)
        if slug in fault.tools:
            with pytest.raises(NexusError):
                await _call(desk, slug, {**arguments, **fault.stumble})
            assert snapshot(laid.root) == before
            assert desk.refused == 1
            return
        await _call(desk, slug, arguments)
    pytest.fail("no ideal call meets it")


@planted_tasks
async def test_the_task_can_be_done_once_the_planted_error_is_dealt_with(task: DeskTask, laid: Laid):
    desk, fault = FaultyProvider(laid.provider, task.fault), _fault_of(task)
    for slug, arguments in task.ideal:
        if slug in fault.tools and not desk.refused:
            with pytest.raises(NexusError):
                await _call(desk, slug, {**arguments, **fault.stumble})
            if fault.cure:
                await _call(desk, *fault.cure)
        await _call(desk, slug, arguments)

    assert task.check(laid.before, laid.root, task.ideal_answer) is None
    assert desk.refused == 1


@pytest.mark.parametrize(
    "task", [task for task in DESK_TASKS if task.fault and task.fault.stumble], ids=lambda task: task.id
)
async def test_what_has_to_be_mended_is_refused_until_it_is(task: DeskTask, laid: Laid):
    desk, fault = FaultyProvider(laid.provider, task.fault), _fault_of(task)
    slug, arguments = next(call for call in task.ideal if call[0] in fault.tools)
    for _ in range(3):
        with pytest.raises(NexusError):
            await _call(desk, slug, {**arguments, **fault.stumble})
    assert desk.refused == 3
    assert snapshot(laid.root) == laid.before


def test_the_set_is_large_and_mixed_with_an_error_planted_in_a_third():
    steps = Counter(task.steps for task in DESK_TASKS)
    planted = Counter(task.steps for task in DESK_TASKS if task.fault)

    assert len({task.id for task in DESK_TASKS}) == len(DESK_TASKS) == 72
    assert steps == {0: 8, 1: 28, 2: 22, 3: 8, 4: 6}
    assert planted == {1: 7, 2: 9, 3: 5, 4: 3}


def _fault_of(task: DeskTask) -> Fault:
    assert task.fault
    return task.fault


def test_the_desk_starts_the_same_for_every_task(tmp_path: Path):
    _, one = lay_desk(tmp_path / "one")
    _, other = lay_desk(tmp_path / "other")

    assert list(one) == list(other)
    assert snapshot(tmp_path / "one") == one
