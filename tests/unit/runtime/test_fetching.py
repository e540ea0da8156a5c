"""Weights that a server fetches: one at a time, watched, stopped, and gone on with."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.errors import Conflict
from nexus.models.sources import Hub
from nexus.runtime.fetching import Fetch, Fetching
from nexus.settings import Settings
from tests.servers.hub import BYTES, HALF, HubStandIn, tiny_model
from tests.servers.running import running

MODEL = tiny_model()


@pytest.fixture(name="hub")
def _hub() -> Iterator[HubStandIn]:
    hub = HubStandIn(gate=threading.Event())
    yield hub
    if hub.gate:
        hub.gate.set()


@pytest.fixture(name="fetching")
def _fetching(hub: HubStandIn, tmp_path: Path) -> Iterator[Fetching]:
    with running(hub.app) as url:
        yield Fetching(Settings(home=tmp_path, models_dir=tmp_path / "models"), lambda _: [Hub(url)])


def until(fetching: Fetching, state: str, *, done: int = 0) -> Fetch:
    """The download once it stands so; asking is all the waiting there is."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        latest = fetching.latest
        if latest and latest.state == state and latest.done >= done:
            return latest
    raise AssertionError(f"it never came to that: {fetching.latest}")


def test_it_tells_how_far_it_is_and_ends_with_the_whole_file(
    fetching: Fetching, hub: HubStandIn, tmp_path: Path
):
    assert fetching.latest is None
    fetching.start(MODEL)
    half = until(fetching, "fetching", done=HALF)
    assert (half.percent, half.source) == (50, "Hugging Face hub")
    assert fetching.start(MODEL) == half, "asked again it is the same download"
    with pytest.raises(Conflict, match="tiny is being fetched"):
        fetching.start(replace(MODEL, name="other"))
    assert hub.gate is not None
    hub.gate.set()
    assert until(fetching, "done").percent == 100
    assert (tmp_path / "models" / MODEL.file_name).read_bytes() == BYTES
    assert len(hub.ranges) == 1


def test_what_had_come_when_it_was_stopped_is_not_fetched_again(fetching: Fetching, hub: HubStandIn):
    fetching.start(MODEL)
    until(fetching, "fetching", done=HALF)
    stopped = fetching.stop()
    assert stopped is not None
    assert stopped.state == "stopped"
    assert hub.gate is not None
    hub.gate.set()
    fetching.start(MODEL)
    until(fetching, "done")
    # What was on its way when it was stopped may have been all the rest: then nothing is asked for any more.
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in hub.ranges if asked]
    assert hub.ranges.count(None) == 1
    assert all(start >= HALF for start in starts)


def test_a_failure_is_told_with_its_reason_and_the_next_try_may_succeed(fetching: Fetching, hub: HubStandIn):
    hub.fault = "missing"
    fetching.start(MODEL)
    failed = until(fetching, "failed")
    assert "HTTP 404" in str(failed.problem)
    assert failed.remedy
    hub.fault, hub.gate = None, None
    fetching.start(MODEL)
    until(fetching, "done")


def test_to_stop_what_does_not_run_changes_nothing(fetching: Fetching):
    assert fetching.stop() is None
