"""A result that is too long is shown in part, kept whole, and read on in: by the model and by people."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.app import open_service
from nexus.core.action import ThreadId
from nexus.core.pieces import pieces
from nexus.errors import ArgumentsInvalid, NotFound
from nexus.ports.clock import SystemClock
from nexus.runtime.runner import finish
from nexus.settings import Settings
from nexus.store.database import Database
from nexus.store.results import LONGEST, SqliteResults
from nexus.testing import ScriptedModel
from nexus.tools.results import PIECE, READ, ResultShelf
from tests.clients.scripted_chat import scripted_chat

LETTERS = [{"id": number, "subject": f"Letter {number}", "body": "word " * 20} for number in range(200)]
THREAD = ThreadId("t1")


@pytest.fixture(name="database")
async def _database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "nexus.db", SystemClock())
    yield database
    await database.close()


async def claimed(database: Database, key: str, thread: str, user: str = "ana") -> None:
    """A call that the ledger knows."""
    await database.write(
        lambda connection, now: connection.execute(
            "INSERT INTO effects (user, key, thread, tool, digest, owner, claimed_at)"
            " VALUES (?, ?, ?, 'results_read', 'd', 'p', ?)",
            (user, key, thread, now.isoformat()),
        )
    )


async def test_the_parts_of_a_kept_result_put_together_are_the_result(database: Database):
    shelf, text = ResultShelf(SqliteResults(database, "ana")), json.dumps(LETTERS)
    kept = await shelf.keep(text, thread=THREAD, call="c1.1", tool="mail_list")
    assert kept.id in kept.how_to_read
    assert shelf.reader in kept.how_to_read
    await claimed(database, "c2.1", THREAD)
    read, number = "", 0
    while len(read) < len(text):
        number += 1
        result = await shelf.call(READ, {"result": kept.id, "part": number}, key="c2.1")
        heading, _, part = result.text.partition("\n")
        assert heading.startswith(f"Part {number} of ")
        read += part
    assert read == text
    with pytest.raises(ArgumentsInvalid, match=f"{number} parts"):
        await shelf.call(READ, {"result": kept.id, "part": number + 1}, key="c2.1")


async def test_a_result_is_read_in_its_own_thread_and_by_its_own_user_only(database: Database):
    ana, bo = (ResultShelf(SqliteResults(database, user)) for user in ("ana", "bo"))
    await ana.keep("x" * 9_000, thread=THREAD, call="c1.1", tool="t")
    await claimed(database, "c2.1", "t2")
    await claimed(database, "c3.1", THREAD, user="bo")
    for shelf, key in ((ana, "c2.1"), (bo, "c3.1"), (ana, "c3.1"), (ana, "nothing")):
        with pytest.raises(NotFound):
            await shelf.call(READ, {"result": "r1", "part": 1}, key=key)


async def test_each_thread_counts_its_own_results_and_a_call_keeps_its_id(database: Database):
    store = SqliteResults(database, "ana")
    ids = [
        await store.add("x", thread=ThreadId(thread), call=call, tool="t")
        for thread, call in (("t1", "a.1"), ("t1", "b.1"), ("t2", "c.1"), ("t1", "a.1"))
    ]
    assert ids == ["r1", "r2", "r1", "r1"]


async def test_what_is_kept_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nexus.store.results.MOST", 3)
    store = SqliteResults(database, "ana")
    await store.add("y" * (LONGEST + 5), thread=THREAD, call="big.1", tool="t")
    assert (await store.get("r1", thread=THREAD)).length == LONGEST + 5
    assert len((await store.get("r1", thread=THREAD)).text) == LONGEST
    for number in range(3):
        await store.add("x", thread=THREAD, call=f"{number}.1", tool="t")
    with pytest.raises(NotFound):
        await store.get("r1", thread=THREAD)
    assert (await store.get("r4", thread=THREAD)).text == "x"


@given(st.text(alphabet="ab ,\n}]", max_size=400), st.integers(min_value=4, max_value=50))
def test_pieces_put_together_are_the_text_and_none_is_too_long(text: str, limit: int):
    found = pieces(text, limit)
    assert "".join(found) == text
    assert all(len(piece) <= limit for piece in found)
    assert len(found) <= 2 * len(text) // limit + 2


def test_a_piece_ends_after_a_line_rather_than_within_one():
    text = "\n".join(f"line {number} of the letter" for number in range(1_000))
    assert all(piece.endswith("\n") for piece in pieces(text, PIECE)[:-1])


async def test_in_a_run_the_model_reads_on_in_what_it_was_shown_in_part(tmp_path: Path):
    text = "\n".join(f"Line {number}: nothing much happened at the office that day." for number in range(100))
    notes = tmp_path / "desk" / "notes"
    notes.mkdir(parents=True)
    (notes / "diary.md").write_text(text)
    read = ("results_read", {"result": "r1", "part": 2})
    model = ScriptedModel().calls(("desk_read_note", {"name": "diary"}), read, answer="Nothing much.")
    with scripted_chat(model) as setting:
        async with open_service(Settings(home=tmp_path, model=setting)) as service:
            thread = await service.runner.create_thread()
            last = await finish(service.runner.run(thread.id, "What happened according to my note diary?"))
            view = await service.runner.view(thread.id)
            assert service.results is not None
            kept = await service.results.get("r1", thread=ThreadId(thread.id))
    shown = [step.text for step in view.steps if step.kind == "result"]
    assert last["ending"] == "answered"
    assert "all of it is kept as result r1" in shown[0]
    assert shown[1].startswith("Part 2 of ")
    assert shown[1].partition("\n")[2] in kept.text
    assert text in kept.text
