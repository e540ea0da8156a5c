"""The desk bench can run in slices: what a file holds is not run again, and figures are of all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.errors import NotSent
from nexus.ports.tools import ToolProvider
from tests.bench.desk import SYSTEMS, Bench, measure
from tests.bench.desk_results import Result, Results, ratios, summary
from tests.bench.desk_systems import MeteredEngine, Run, Tally
from tests.model.desk_tasks import DESK_TASKS


def _result(task: str, *, system: str = "nexus", why_not: str | None = None, planted: bool = False) -> Result:
    return Result(
        system=system,
        weights="1.5b",
        task=task,
        steps=2,
        planted=planted,
        struck=int(planted),
        calls=3,
        why_not=why_not,
        ending="answered",
        seconds=10.0,
        tally=Tally(asked=4, attempted=4, valid=4, prompt=100, cached=60, written=8),
        answer="Done.",
        story=["desk_list_tasks {}"],
    )


def test_a_resumed_file_gives_back_every_result_and_takes_more(tmp_path: Path):
    file = tmp_path / "desk.json"
    Results(file, resume=True).add(_result("a"))
    later = Results(file, resume=True)
    later.add(_result("b", why_not="there are 0 new files"))

    assert Results(file, resume=True).all == [_result("a"), _result("b", why_not="there are 0 new files")]


def test_without_resume_a_file_is_begun_anew(tmp_path: Path):
    file = tmp_path / "desk.json"
    Results(file, resume=False).add(_result("a"))
    Results(file, resume=False).add(_result("b"))

    assert [result.task for result in Results(file, resume=True).all] == ["b"]


async def test_nothing_is_run_twice_so_that_no_weights_are_loaded_when_all_is_there(tmp_path: Path):
    results = Results(tmp_path / "desk.json", resume=True)
    for task in DESK_TASKS[:2]:
        results.add(_result(task.id))

    await Bench(results, seconds=None, verbose=False).run("no such weights", {"nexus": _never}, [])
    await Bench(results, seconds=None, verbose=False).run("1.5b", {"nexus": _never}, DESK_TASKS[:2])

    assert len(results.all) == 2


async def test_no_task_is_begun_when_the_time_is_over():
    results = Results(None, resume=False)

    await Bench(results, seconds=0, verbose=False).run("1.5b", {"nexus": _never}, DESK_TASKS)

    assert results.all == []


def test_the_summary_counts_by_steps_and_by_what_is_planted():
    words = summary([_result("a"), _result("b", why_not="no"), _result("c", planted=True)])

    assert "2 of 3 (67 %) tasks done" in words
    assert "2: 2 of 3 (67 %)" in words
    assert (
        "no error planted: 1 of 2 (50 %); planted: 1 of 1 (100 %) (where it struck: 1 of 1 (100 %))" in words
    )
    assert "40 computed of 100 sent" in words


def test_nexus_is_compared_over_the_tasks_that_both_have_run():
    ours = [_result("a"), _result("b"), _result("c")]
    theirs = [_result("a", system=SYSTEMS[1]), _result("b", system=SYSTEMS[1], why_not="no")]

    assert "2 tasks: tasks done 2.00 (2 : 1)" in ratios(ours, theirs)


async def test_a_struck_call_is_counted_and_the_desk_is_judged(tmp_path: Path):
    task = next(task for task in DESK_TASKS if task.id == "task-tickets+unreached")

    async def tries_again(_: MeteredEngine, provider: ToolProvider, __: str, ___: Path) -> Run:
        ((slug, arguments),) = task.ideal
        spec = next(spec for spec in await provider.tools() if spec.slug == slug)
        with pytest.raises(NotSent):
            await provider.call(spec, arguments, key="1")
        await provider.call(spec, arguments, key="2")
        return Run("", "answered")

    result = await measure("stubborn", tries_again, "1.5b", MeteredEngine(tmp_path / "none.gguf"), task)

    assert (result.why_not, result.planted, result.struck, result.calls) == (None, True, 1, 2)


async def _never(*_: object) -> Run:
    pytest.fail("this was run before")
