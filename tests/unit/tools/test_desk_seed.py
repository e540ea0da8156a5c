"""The example desk: complete, invented, and never in the way of what is there."""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from nexus.testing import FakeClock
from nexus.tools.desk import desk_provider
from nexus.tools.desk.seed import seed
from tests.model.desk_checks import snapshot
from tests.unit.tools.conftest import Call, caller_of


def test_the_desk_has_something_of_everything(root: Path):
    counts = {
        place: len(list((root / place).iterdir()))
        for place in ("mail/inbox", "mail/drafts", "mail/outbox", "calendar", "contacts", "notes", "tasks")
    }

    assert counts == {
        "mail/inbox": 8,
        "mail/drafts": 0,
        "mail/outbox": 0,
        "calendar": 8,
        "contacts": 6,
        "notes": 5,
        "tasks": 6,
    }


def test_every_address_is_a_reserved_one(root: Path):
    addresses = {
        address
        for path, content in snapshot(root).items()
        if not path.startswith("notes/")
        for address in re.findall(r"[\w.+-]+@[\w.-]+\w", content.decode())
    }

    assert {address.split("@")[1] for address in addresses} == {"example.com", "example.org", "desk.local"}


def test_a_second_seed_changes_nothing(root: Path, clock: FakeClock):
    (root / "notes/wifi.md").write_text("mine")
    before = snapshot(root)
    clock.advance(timedelta(days=40))
    seed(root, clock, zone=UTC)

    assert snapshot(root) == before


async def test_what_was_deleted_does_not_come_back(call: Call, root: Path, clock: FakeClock):
    await call("delete_event", event_id="event-3")
    await call("delete_note", name="wifi")
    before = snapshot(root)
    seed(root, clock, zone=UTC)

    assert snapshot(root) == before


@pytest.mark.parametrize("days", [0, 2, 3, 4])
async def test_around_a_weekend_the_design_review_is_to_come_on_a_working_day(days: int, tmp_path: Path):
    clock = FakeClock()
    clock.advance(timedelta(days=days))
    seed(tmp_path, clock, zone=UTC)

    desk = caller_of(desk_provider(tmp_path, clock, zone=UTC))
    assert re.search(
        r"event-3 \| (Mon|Tue|Wed|Thu|Fri) .* \| Design review", (await desk("list_events")).text
    )
