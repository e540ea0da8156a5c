"""The judges of the model evaluation are sound: they refuse an untouched desk and accept the ideal calls."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nexus.testing import FakeClock
from nexus.tools.desk import desk_provider
from nexus.tools.local import LocalProvider
from tests.model.desk_checks import Snapshot, snapshot
from tests.model.desk_tasks import DESK_TASKS, NOTHING_TO_DO, ZONE, DeskTask, lay_desk

Laid = tuple[LocalProvider, Snapshot]

all_tasks = pytest.mark.parametrize("task", DESK_TASKS, ids=[task.id for task in DESK_TASKS])


@pytest.fixture(name="laid")
def _laid(template: Path, tmp_path: Path) -> Laid:
    """A copy of the seeded desk, and what is on it."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return desk_provider(tmp_path, FakeClock(), zone=ZONE), snapshot(tmp_path)


async def _call(desk: LocalProvider, slug: str, arguments: object) -> None:
    spec = next(spec for spec in await desk.tools() if spec.slug == slug)
    assert isinstance(arguments, dict)
    await desk.call(spec, arguments, key="k")


@all_tasks
async def test_an_untouched_desk_and_no_answer_pass_only_where_nothing_is_to_be_done(
    task: DeskTask, laid: Laid, tmp_path: Path
):
    _, before = laid

    assert (task.check(before, tmp_path, "") is None) == (task.steps == 0)


@all_tasks
async def test_the_ideal_calls_pass(task: DeskTask, laid: Laid, tmp_path: Path):
    desk, before = laid
    for slug, arguments in task.ideal:
        await _call(desk, slug, arguments)

    assert task.check(before, tmp_path, task.ideal_answer) is None
    assert len(task.ideal) == task.steps


@all_tasks
async def test_one_effect_too_many_fails(task: DeskTask, laid: Laid, tmp_path: Path):
    desk, before = laid
    mail = {"to": ["stranger@example.org"], "subject": "Hello", "body": "Hello"}
    for slug, arguments in [*task.ideal, ("desk_send_email", mail)]:
        await _call(desk, slug, arguments)

    assert task.check(before, tmp_path, task.ideal_answer) is not None


@pytest.mark.parametrize("task", [task for task in DESK_TASKS if task.steps], ids=lambda task: task.id)
async def test_the_calls_of_another_task_fail(task: DeskTask, laid: Laid, tmp_path: Path):
    other = next(one for one in DESK_TASKS if one.id != task.id)
    desk, before = laid
    for slug, arguments in other.ideal:
        await _call(desk, slug, arguments)

    assert task.check(before, tmp_path, other.ideal_answer) is not None


def test_the_set_is_large_and_mixed():
    steps = [task.steps for task in DESK_TASKS]

    assert len({task.id for task in DESK_TASKS}) == len(DESK_TASKS) == 35
    assert (steps.count(0), steps.count(1), steps.count(2)) == (len(NOTHING_TO_DO), 20, 10)


def test_the_desk_starts_the_same_for_every_task(tmp_path: Path):
    _, one = lay_desk(tmp_path / "one")
    _, other = lay_desk(tmp_path / "other")

    assert list(one) == list(other)
    assert snapshot(tmp_path / "one") == one
