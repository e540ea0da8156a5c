"""SIGKILL while a run is started, in a node, at its question, while it is resumed or cancelled.

No run is lost and none is run twice, its effect is there once, and the thread takes the next request.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.durability.conftest import Sample, TryAll
from tests.durability.cuts import MARK
from tests.durability.servers import SweepServer
from tests.durability.test_crash_matrix import report

pytestmark = [pytest.mark.durability, pytest.mark.timeout(3_600)]

STAGES = ("start", "in a node", "at the question", "resume", "cancel")
THOUGHT = "in a node"
ROUNDS = 20
"""Kills in each stage."""

ACTIONS = ("interrupt", "rollback")


@pytest.mark.parametrize("graph", ["nexus", "works"])
def test_a_server_killed_at_any_stage_of_a_run_loses_none_and_runs_none_twice(
    try_all: TryAll, sample: Sample, fast_path: Path, capsys: pytest.CaptureFixture[str], graph: str
) -> None:
    (whole,) = try_all(lambda server, _: _cut(server, fast_path / "whole", graph, "interrupt"), [None])
    check(whole, graph, "not killed")
    assert whole["stopped"] == [True, True]
    stages = stages_of(whole["points"])
    # Each stage begins elsewhere, so that a sample is spread over where in their stage they die.
    cases = [
        (stage, (number + 10 + 7 * place) % ROUNDS)
        for place, stage in enumerate(STAGES)
        for number in range(ROUNDS)
    ]

    def die(server: SweepServer, case: tuple[str, int]) -> str:
        stage, number = case
        places, action = stages[stage], ACTIONS[number % 2]
        point = places[number * len(places) // ROUNDS]
        result = _cut(server, fast_path / f"{stage} {number}", graph, action, point=point)
        check(result, graph, f"killed {stage}, at {point}: {result['points'][-1]}; {action}")
        return stage

    report(capsys, f"server killed while it runs {graph!r}", Counter(try_all(die, sample(cases, 5))))


def stages_of(points: list[str]) -> dict[str, list[int]]:
    """The places to die of each stage, by their numbers."""
    found: dict[str, list[int]] = {stage: [] for stage in STAGES}
    asked = points.index(f"{MARK}resume")
    last_thought = max(place for place, name in enumerate(points[:asked]) if name == THOUGHT)
    stage, number = "start", 0
    for place, name in enumerate(points):
        if name.startswith(MARK):
            stage = name.removeprefix(MARK)
            continue
        if name == THOUGHT and stage == "start":
            stage = "in a node"
        if stage in found:
            found[stage].append(number)
        if place == last_thought:
            stage = "at the question"
        number += 1
    assert all(found.values()), found
    return found


def check(result: dict[str, Any], graph: str, where: str) -> None:
    """Every promise that the server had made holds."""
    context = f"{graph}, {where}: {result}"
    assert result["code"] == 0, context
    is_asked_for, is_stopped = result["stopped"]
    may_be_gone = {result["promised"].get("second")} if is_asked_for else set()
    assert set(result["lost"]) <= may_be_gone, f"a run was lost: {context}"
    if result["status"] == "none":
        return
    assert result["status"] in ({"idle", "interrupted"} if is_asked_for else {"idle"}), f"stuck: {context}"
    assert set(result["runs"].values()) <= {"success", "interrupted"}, f"a run failed: {context}"
    said = Counter(result["said"])
    assert max(said.values(), default=0) <= 1, f"run twice: {context}"
    assert set(result["promised"]) - ({"second"} if is_asked_for else set()) <= set(said), context
    if graph == "nexus":
        assert result["effects"] == ["hello"] * said["first"], context
    elif not is_asked_for:
        assert result["answers"] == ["yes"] * said.total(), context
    if is_stopped and (second := result["promised"]["second"]) in result["runs"]:
        assert result["runs"][second] == "interrupted", context
    assert (result["again"], result["asks_again"]) == (200, True), f"it takes no more requests: {context}"


def _cut(
    server: SweepServer, folder: Path, graph: str, action: str, *, point: int | None = None
) -> dict[str, Any]:
    try:
        return server.ask(job="cut", home=str(folder / "home"), graph=graph, action=action, point=point)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
