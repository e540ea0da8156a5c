"""P3 under kill -9: a process dies before and after all it writes and sends, and another one comes back."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from tests.durability.servers import SweepServer

pytestmark = pytest.mark.timeout(600)
KILLED = -signal.SIGKILL
Sweep = Callable[[Callable[[SweepServer, int], str], int], Counter[str]]


@pytest.fixture(name="sweep", scope="module")
def _sweep() -> Iterator[Sweep]:
    """Tries every point, on two forking servers at once; how many runs ended in which way."""
    with ExitStack() as stack:
        free: SimpleQueue[SweepServer] = SimpleQueue()
        for _ in range(2):
            free.put(stack.enter_context(SweepServer()))

        def sweep(try_point: Callable[[SweepServer, int], str], points: int) -> Counter[str]:
            def at(point: int) -> str:
                server = free.get()
                try:
                    return try_point(server, point)
                finally:
                    free.put(server)

            with ThreadPoolExecutor(2) as pool:
                return Counter(pool.map(at, range(points)))

        yield sweep


def points_of(sweep: Sweep, home: Path, decision: str) -> list[str]:
    """The places where a run can die, found by letting one live."""
    names: list[str] = []

    def live(server: SweepServer, _: int) -> str:
        result = server.ask(job="act", home=str(home), decision=decision)
        assert result["code"] == 0
        names.extend(result["points"])
        return "lived"

    sweep(live, 1)
    return names


def end_of(result: dict[str, Any], decision: str, where: str) -> str:
    """How a thread ended after the death at `where`; fails if a promise is broken."""
    context = f"{decision}, killed {where}: {result}"
    assert result["code"] == 0, context
    assert result["status"] == "idle", context
    assert len(result["effects"]) <= 1, context
    if decision == "reject":
        assert result["effects"] == [], context
    if result["steps"] == 0:
        assert result["effects"] == [], context
        return "not started"
    assert result["ending"] == ("rejected" if decision == "reject" else "answered"), context
    if decision != "reject":
        # Every outcome that was unknown was told truly, so each approved mail is there in the end.
        assert [effect["arguments"]["subject"] for effect in result["effects"]] == [
            "edited" if decision == "edit" else "hello"
        ], context
        assert result["ledger"][-1][1] == "done", context
    return f"unknown, {result['unknown']}" if result["unknown"] else "done"


def report(capsys: pytest.CaptureFixture[str], title: str, ends: Counter[str]) -> None:
    """Print the figures, past pytest's capture."""
    total = ends.total()
    unknown = sum(number for end, number in ends.items() if end.startswith("unknown"))
    shares = ", ".join(f"{end}: {number}" for end, number in sorted(ends.items()))
    with capsys.disabled():
        print(f"\n  {title}: {total} kills; {shares}; P(unknown) = {unknown / total:.3f}")


@pytest.mark.parametrize("decision", ["approve", "reject", "edit"])
def test_a_process_killed_at_any_point_leaves_a_thread_that_ends_with_at_most_one_effect(
    sweep: Sweep, fast_path: Path, capsys: pytest.CaptureFixture[str], decision: str
) -> None:
    points = points_of(sweep, fast_path / "lived" / "home", decision)

    def die(server: SweepServer, point: int) -> str:
        job = {"home": str(fast_path / str(point) / "home"), "decision": decision}
        assert server.ask(job="act", point=point, **job)["code"] == KILLED
        return end_of(server.ask(job="recover", **job), decision, points[point])

    ends = sweep(die, len(points))
    assert ends.total() == len(points) >= 40
    report(capsys, decision, ends)


def test_a_process_that_dies_again_while_it_recovers_still_acts_at_most_once(
    sweep: Sweep, fast_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = points_of(sweep, fast_path / "lived" / "home", "approve")

    def die_twice(server: SweepServer, point: int) -> str:
        job = {"home": str(fast_path / str(point) / "home"), "decision": "approve"}
        assert server.ask(job="act", point=point, **job)["code"] == KILLED
        # Another place in each second life; some of those lives are too short to reach theirs.
        assert server.ask(job="recover", point=point * 7 % 23, **job)["code"] in (KILLED, 0)
        return end_of(server.ask(job="recover", **job), "approve", f"{points[point]}, then again")

    report(capsys, "approve, killed twice", sweep(die_twice, len(points)))
