"""Tasks on the desk: VTODO files, ticked off once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from nexus.errors import ArgumentsInvalid, NotFound
from nexus.tools.local import LocalProvider
from tests.unit.tools.conftest import Call


def _todo(path: Path) -> Any:
    (todo,) = Calendar.from_ical(path.read_bytes().decode()).walk("VTODO")
    return todo


async def test_an_added_task_is_a_standard_file(call: Call, root: Path):
    result = await call("add_task", title="Fix the login bug", due="2026-11-27")

    todo = _todo(root / "tasks/task-7.ics")
    assert result.text == "Added task-7 | Fix the login bug | due Fri 2026-11-27."
    assert result.reference == "tasks/task-7.ics"
    assert (todo["summary"], todo["status"]) == ("Fix the login bug", "NEEDS-ACTION")
    assert todo.decoded("due") == date(2026, 11, 27)
    assert todo.decoded("dtstamp") == datetime(2026, 11, 25, 9, tzinfo=UTC)


async def test_a_task_may_be_due_at_a_time_or_never(call: Call, root: Path):
    await call("add_task", title="Call", due="2026-11-27 15:00")
    await call("add_task", title="Rest", due="")

    assert _todo(root / "tasks/task-7.ics").decoded("due") == datetime(2026, 11, 27, 15, tzinfo=UTC)
    assert "due" not in _todo(root / "tasks/task-8.ics")


async def test_done_tasks_are_listed_only_when_asked_for(call: Call, desk: LocalProvider):
    await call("complete_task", task_id="task-1")

    assert "task-1" not in (await call("list_tasks")).text
    assert "due Fri 2026-11-27 | done" in (await call("list_tasks", include_done=True)).text
    assert desk.name == "desk"


async def test_completing_twice_is_completing_once(call: Call, root: Path):
    await call("complete_task", task_id="2")
    first = (root / "tasks/task-2.ics").read_bytes()
    again = await call("complete_task", task_id="task-2")

    todo = _todo(root / "tasks/task-2.ics")
    assert again.text == "task-2 'Pay the Northwind invoice' was done already."
    assert (root / "tasks/task-2.ics").read_bytes() == first
    assert (todo["status"], todo["percent-complete"]) == ("COMPLETED", 100)
    assert todo.decoded("completed") == datetime(2026, 11, 25, 9, tzinfo=UTC)
    assert todo["summary"] == "Pay the Northwind invoice"


async def test_a_deleted_task_goes_to_the_trash_and_its_id_is_never_used_again(call: Call, root: Path):
    assert (await call("delete_task", task_id="task-6")).text == "Deleted task-6 'Water the plants'."
    await call("add_task", title="New")

    assert (root / "trash/tasks/task-6.ics").exists()
    assert not (root / "tasks/task-6.ics").exists()
    assert (root / "tasks/task-7.ics").exists()


async def test_a_title_in_place_of_an_id_is_answered_with_the_id(call: Call):
    with pytest.raises(
        NotFound, match=r"no task 'water plants'; .* Did you mean task-6 \| Water the plants\?"
    ):
        await call("complete_task", task_id="water plants")


@pytest.mark.parametrize("title", ["", "a\nSTATUS:COMPLETED", "x\u202ey", "x" * 251])
async def test_a_title_that_is_no_line_of_text_is_refused(call: Call, title: str):
    with pytest.raises(ArgumentsInvalid) as caught:
        await call("add_task", title=title)

    assert caught.value.field == "title"


async def test_a_damaged_file_does_not_hide_the_others(call: Call, root: Path):
    (root / "tasks/broken.ics").write_bytes(b"hello")

    assert "broken | (the file cannot be read)" in (await call("list_tasks")).text
    assert "Water the plants" in (await call("list_tasks")).text
