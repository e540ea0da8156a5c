"""P3 over HTTP: servers die, disks fail and clocks jump.

Nothing is done twice, no decision is lost, nothing gets stuck, and whoever asks is told where they stand.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.durability.conftest import Sample, TryAll
from tests.durability.disks import small_disk
from tests.durability.servers import SweepServer

pytestmark = [pytest.mark.durability, pytest.mark.timeout(3_600)]

DECISIONS = ("approve", "reject", "edit")


def end_of(result: dict[str, Any], decision: str, where: str) -> str:
    """In which way it ended; fails if a promise is broken."""
    context = f"{decision}, {where}: {result}"
    assert result["code"] == 0, context
    assert result["status"] == "idle", f"stuck: {context}"
    assert len(result["effects"]) <= 1, f"done twice: {context}"
    assert result["told"] <= 1, f"a decision was lost: {context}"
    assert result.get("orphans", []) == [], f"a decision without its run: {context}"
    check_explained(result, context)
    if result["steps"] == 0:
        assert (result["effects"], result["told"]) == ([], 0), context
        return "not started"
    if decision == "reject":
        assert (result["effects"], result["ending"]) == ([], "rejected"), context
        return "done"
    assert (result["ending"], result["answer"]) == ("answered", "Sent."), context
    # What was unknown was told truly, so each approved mail is there in the end, in the words approved.
    wanted = "edited" if decision == "edit" else "hello"
    assert [effect["arguments"]["subject"] for effect in result["effects"]] == [wanted], context
    assert result["ledger"][-1] == "done", context
    return f"unknown, {result['unknown']}" if result["unknown"] else "done"


def check_explained(result: dict[str, Any], context: str) -> None:
    """The person was told where they stand, in words, at the end and where nobody could know."""
    told, last = result["explanation"], (result["results"] or [""])[-1]
    if result["steps"] == 0:
        assert told in {"Nothing was begun in it.", ""}, context  # there may be no thread to ask about
    elif result["ending"] == "rejected":
        assert "you said no" in told, context
        assert last == "Not done: rejected.", context
    else:
        assert told == "The request was served, and answered.", context
        happened = result["unknown"] == "it had happened"
        assert last.endswith("it did happen: I saw it" if happened else "ok"), context
    if result["unknown"]:
        sent, known, key, *_, standing = result["explained"]
        assert sent.startswith("It was sent to desk at 20"), context
        assert known.startswith("What is known since 20"), context
        assert "The program ended while this call was under way" in known or "interrupted" in known, context
        assert key == f"It carried the idempotency key {result['keys'][0]}.", context
        assert standing.startswith("Look where it would show"), context


def report(capsys: pytest.CaptureFixture[str], title: str, ends: Counter[str]) -> None:
    """Print the figures, past pytest's capture."""
    shares = ", ".join(f"{end}: {number}" for end, number in sorted(ends.items()))
    with capsys.disabled():
        print(f"\n  {title}: {ends.total()}, 0 failures ({shares})")


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_server_killed_at_any_point_leaves_what_ends_with_at_most_one_effect(
    try_all: TryAll, *, is_full: bool, fast_path: Path, capsys: pytest.CaptureFixture[str], decision: str
) -> None:
    (whole,) = try_all(lambda server, _: _live(server, fast_path / "whole", decision=decision), [None])
    assert whole["ending"] == ("rejected" if decision == "reject" else "answered")
    points = whole["points"]
    assert len(points) >= 60

    def die(server: SweepServer, point: int) -> str:
        result = _live(server, fast_path / str(point), decision=decision, point=point)
        # A life that goes another way may be too short to reach its last points.
        return end_of(result, decision, f"killed {points[point]} (point {point})")

    # Around the call, or where the no is written down, a death is most dangerous: a sample is taken there.
    middle = points.index("before the send") if "before the send" in points else len(points) * 2 // 3
    nearest = sorted(range(len(points)), key=lambda point: abs(point - middle))
    ends = Counter(try_all(die, nearest if is_full else nearest[:8]))
    report(capsys, f"server killed at its points, {decision}", ends)


def test_a_server_killed_at_random_leaves_what_ends_with_at_most_one_effect(
    try_all: TryAll, sample: Sample, fast_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # How long a life takes depends on the machine and on what else it does: so it is looked at here.
    (whole,) = try_all(lambda server, _: _live(server, fast_path / "whole", decision="approve"), [None])
    chance = random.Random(4)  # noqa: S311 - the same times in every run
    moments = [
        (number, chance.choice(DECISIONS), whole["seconds"] * chance.uniform(0.0, 1.0))
        for number in range(200)
    ]

    def die(server: SweepServer, moment: tuple[int, str, float]) -> str:
        number, decision, after = moment
        result = _live(server, fast_path / str(number), decision=decision, after=after)
        return end_of(result, decision, f"killed after {after:.3f} s")

    report(capsys, "server killed at random", Counter(try_all(die, sample(moments, 8))))


def _live(server: SweepServer, folder: Path, **job: Any) -> dict[str, Any]:
    try:
        return server.ask(job="life", home=str(folder / "home"), **job)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


CALLS = "pwrite64,fdatasync,fsync,ftruncate"
FILES = ("nexus.db-wal", "nexus.db", "checkpoints.db-wal", "checkpoints.db")
FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_every_write_and_sync_of_a_resume_may_fail_or_be_the_last(
    try_all: TryAll, sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def calls_of(server: SweepServer, file: str) -> dict[str, int]:
        return _faulty(server, tmp_path / f"count-{file}", file, f"trace={CALLS}")["log"]

    counted = try_all(calls_of, FILES)
    cases = [
        (file, f"{call}:{fault}:when={number}")
        for file, calls in zip(FILES, counted, strict=True)
        for call, times in sorted(calls.items())
        for number in range(1, times + 1)
        for fault in FAULTS
    ]
    assert len(cases) >= 60

    def break_off(server: SweepServer, case: tuple[str, str]) -> str:
        file, what = case
        result = _faulty(server, tmp_path / f"{file}-{what.replace(':', '-')}", file, f"inject={what}")
        assert (result["nexus.db"], result["checkpoints.db"]) == ("ok", "ok")
        return end_of(result, "approve", f"{what} of {file}") + (", died" if result["died"] else "")

    report(capsys, "faults at single writes and syncs", Counter(try_all(break_off, sample(cases, 12))))


def _faulty(server: SweepServer, folder: Path, file: str, what: str) -> dict[str, Any]:
    home = folder / "home"
    try:
        return server.ask(
            job="fault", home=str(home), decision="approve", strace=["-P", str(home / file), "-e", what]
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("file", ["nexus.db", "checkpoints.db"])
def test_a_locked_file_is_told_to_whoever_decides_and_everything_goes_on_after_it(
    try_all: TryAll, tmp_path: Path, file: str
) -> None:
    job = {"job": "locked", "file": file, "home": str(tmp_path / "home")}
    (result,) = try_all(lambda server, _: server.ask(**job), [None])
    assert result["sent"] == 0
    assert end_of(result, "approve", f"{file} locked") == "done"
    if file == "nexus.db":
        assert result["code_said"] == 503
        assert int(result["retry_after"]) > 0
        assert "end the program that locks it" in result["said"]["remedy"]
    else:
        assert result["said"]["approval"]["state"] == "approved"
        assert "cannot be used right now" in result["said"]["thread"]["last_error"]


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", megabytes=3) as folder:
        yield folder


def test_a_full_disk_is_told_to_whoever_decides_and_everything_goes_on_after_it(
    try_all: TryAll, small_disk: Path
) -> None:
    job = {"job": "full", "home": str(small_disk / "office" / "home")}
    (result,) = try_all(lambda server, _: server.ask(**job), [None])
    assert result["sent"] == 0
    assert end_of(result, "approve", "disk full") == "done"
    assert result["code_said"] == 503
    assert "Free disk space" in result["said"]["remedy"]


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_jumps_doubles_nothing_and_is_told(try_all: TryAll, tmp_path: Path, hours: int) -> None:
    job = {"job": "clock", "hours": hours, "home": str(tmp_path / "home")}
    (result,) = try_all(lambda server, _: server.ask(**job), [None])
    assert end_of(result, "approve", f"clock {hours:+} h") == "done"
    if hours < 0:
        assert (result["code_said"], result["sent"]) == (503, 0)
        assert "Set the clock right" in result["said"]["remedy"]
    else:
        assert (result["code_said"], result["sent"]) == (200, 1)


def test_of_eight_servers_asked_at_once_to_approve_and_to_reject_one_wins(
    try_all: TryAll, *, is_full: bool, fast_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = {"job": "contest", "rounds": 50 if is_full else 10, "home": str(fast_path / "home")}
    (result,) = try_all(lambda server, _: server.ask(**job), [None])
    assert result["code"] == 0
    for each in result["rounds"]:
        winners = [kind for kind, status in each["said"] if status == 200]
        assert len(winners) == 1, each
        assert [status for _, status in each["said"]].count(409) == 7, each
        assert (each["state"], each["ending"]) == {
            "approve": ("approved", "answered"),
            "reject": ("rejected", "rejected"),
        }[winners[0]]
    approved = [each for each in result["rounds"] if each["state"] == "approved"]
    assert len(result["effects"]) == len({effect["key"] for effect in result["effects"]}) == len(approved)
    assert result["ledger"] == ["done"] * len(approved)
    states = Counter(each["state"] for each in result["rounds"])
    report(capsys, "approve against reject, 8 servers", states)
