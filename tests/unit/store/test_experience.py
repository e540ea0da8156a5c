"""What the experience store keeps, and for whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nexus.store.database import Database
from nexus.store.experience import EXAMPLES, LONGEST, TOOLS, SqliteExperience
from nexus.testing import FakeClock


@pytest.fixture(name="experience")
async def _experience(tmp_path: Path) -> AsyncIterator[SqliteExperience]:
    database = Database(tmp_path / "nexus.db", FakeClock())
    yield SqliteExperience(database)
    await database.close()


async def test_examples_come_by_tool_the_latest_first(experience: SqliteExperience):
    for number, (tool, request) in enumerate([("send", "one"), ("note", "two"), ("send", "three")]):
        await experience.remember("ana", tool=tool, request=request, call=str(number))
    assert await experience.examples("ana") == {"send": ["three", "one"], "note": ["two"]}


async def test_no_user_gets_anothers_examples(experience: SqliteExperience):
    await experience.remember("ana", tool="send", request="hers", call="1")
    await experience.remember("ben", tool="send", request="his", call="2")
    assert await experience.examples("ana") == {"send": ["hers"]}
    assert await experience.examples("eve") == {}


async def test_the_same_call_counts_once(experience: SqliteExperience):
    for _ in range(2):
        await experience.remember("ana", tool="send", request="mail Ben", call="1")
    assert await experience.examples("ana") == {"send": ["mail Ben"]}


async def test_the_same_request_takes_one_place(experience: SqliteExperience):
    for number, request in enumerate(["again", "other", "again"]):
        await experience.remember("ana", tool="send", request=request, call=str(number))
    assert await experience.examples("ana") == {"send": ["again", "other"]}


async def test_only_the_latest_few_are_kept_for_each_tool(experience: SqliteExperience):
    for number in range(EXAMPLES + 2):
        await experience.remember("ana", tool="send", request=f"request {number}", call=str(number))
    await experience.remember("ben", tool="send", request="his", call="b")
    expected = [f"request {number}" for number in range(EXAMPLES + 1, 1, -1)]
    assert await experience.examples("ana") == {"send": expected}
    assert await experience.examples("ben") == {"send": ["his"]}


async def test_the_tool_not_used_for_longest_makes_room(experience: SqliteExperience):
    for number in range(TOOLS + 1):
        await experience.remember("ana", tool=f"tool_{number}", request="x", call=str(number))
    kept = await experience.examples("ana")
    assert len(kept) == TOOLS
    assert "tool_0" not in kept


async def test_a_very_long_request_is_cut(experience: SqliteExperience):
    await experience.remember("ana", tool="send", request="x" * 9_999, call="1")
    assert await experience.examples("ana") == {"send": ["x" * LONGEST]}
