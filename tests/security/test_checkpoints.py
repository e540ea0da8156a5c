"""A forged checkpoint is data: reading it back builds nothing and calls nothing (CVE-2026-28277)."""

from __future__ import annotations

import json
import pickle
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.serde import jsonplus
from langgraph.types import Interrupt

from nexus.core.decision import Approve
from nexus.store.checkpoints import strict_serializer
from tests.world import MakeWorld, World

CONSTRUCTORS = [
    jsonplus.EXT_CONSTRUCTOR_SINGLE_ARG,
    jsonplus.EXT_CONSTRUCTOR_POS_ARGS,
    jsonplus.EXT_CONSTRUCTOR_KW_ARGS,
    jsonplus.EXT_METHOD_SINGLE_ARG,
    jsonplus.EXT_PYDANTIC_V1,
    jsonplus.EXT_PYDANTIC_V2,
    jsonplus.EXT_NUMPY_ARRAY,
]
TARGETS: list[tuple[str, str, str]] = [
    ("os", "system", "touch {marker}"),
    ("subprocess", "getoutput", "touch {marker}"),
    ("builtins", "eval", "open({marker!r}, 'w')"),
    ("builtins", "exec", "open({marker!r}, 'w')"),
    ("tests.security.test_checkpoints", "Innocent", "{marker}"),
]


class Innocent:
    """Any class that happens to be importable, whose construction would be noticed."""

    def __init__(self, marker: str = "", **more: Any) -> None:
        Path(marker or more["marker"]).touch()

    @classmethod
    def model_validate_json(cls, marker: Any) -> Innocent:
        """What the pydantic codes would call."""
        return cls(str(marker))

    model_construct = parse_raw = construct = model_validate_json


class Bomb:
    """Pickled, it runs a command when it is read."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        import os  # noqa: PLC0415 - the bomb's own business

        return os.system, (f"touch {self.marker}",)


def _arguments(code: int, argument: str) -> Any:
    if code == jsonplus.EXT_CONSTRUCTOR_POS_ARGS:
        return [argument]
    if code == jsonplus.EXT_CONSTRUCTOR_KW_ARGS:
        return {"marker": argument}
    return argument


def _forged_msgpack(marker: Path) -> Iterator[bytes]:
    for code in CONSTRUCTORS:
        for module, name, argument in TARGETS:
            inner = _arguments(code, argument.format(marker=str(marker)))
            body = ormsgpack.packb([module, name, inner, "model_validate_json"])
            yield ormsgpack.packb(ormsgpack.Ext(code, body))


def _forged_json(marker: Path) -> Iterator[bytes]:
    for module, name, argument in TARGETS:
        value = argument.format(marker=str(marker))
        for extra in (
            {"args": [value]},
            {"kwargs": {"marker": value}},
            {"args": [value], "method": "model_validate_json"},
        ):
            yield json.dumps({"lc": 2, "type": "constructor", "id": [module, name], **extra}).encode()
            yield json.dumps({"lc": 1, "type": "constructor", "id": [module, name], **extra}).encode()


def _forged(marker: Path) -> Iterator[tuple[str, bytes]]:
    yield from (("msgpack", data) for data in _forged_msgpack(marker))
    yield from (("json", data) for data in _forged_json(marker))
    yield "pickle", pickle.dumps(Bomb(marker))


KINDS = ["msgpack", "json", "pickle"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_forged_rows_are_read_without_building_or_calling_anything(tmp_path: Path, kind: str) -> None:
    marker = tmp_path / "was_here"
    rows = [data for of_kind, data in _forged(marker) if of_kind == kind]
    assert rows
    for data in rows:
        try:
            value = strict_serializer().loads_typed((kind, data))
        except (NotImplementedError, ValueError, TypeError):
            value = None
        assert not isinstance(value, Innocent)
        assert not marker.exists(), data


def test_the_bombs_are_live(tmp_path: Path) -> None:
    """Where nothing holds them back they do go off; else the test above would prove nothing."""
    marker = tmp_path / "was_here"
    pickle.loads(pickle.dumps(Bomb(marker)))  # noqa: S301 - that is the point
    assert marker.exists()
    marker.unlink()
    body = ormsgpack.packb(["os", "system", f"touch {marker}"])
    data = ormsgpack.packb(ormsgpack.Ext(jsonplus.EXT_CONSTRUCTOR_SINGLE_ARG, body))
    jsonplus.JsonPlusSerializer(allowed_msgpack_modules=True).loads_typed(("msgpack", data))
    assert marker.exists()


async def _forge(world: World, column: str, data: bytes, kind: str) -> None:
    table = "checkpoints" if column == "checkpoint" else "writes"
    await world.__aexit__()
    with closing(sqlite3.connect(world.home / "checkpoints.db")) as connection, connection:
        connection.execute(f"UPDATE {table} SET type = ?, {column} = ?", (kind, data))  # noqa: S608 - constants
    await world.__aenter__()


@pytest.mark.parametrize("column", ["checkpoint", "value"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
async def test_a_thread_over_forged_rows_runs_none_of_them_and_sends_nothing(
    make_world: MakeWorld, tmp_path: Path, kind: str, column: str
) -> None:
    marker = tmp_path / "was_here"
    world = await make_world()
    await world.start()
    await world.decide(Approve())
    data = next(data for of_kind, data in _forged(marker) if of_kind == kind)
    await _forge(world, column, data, kind)
    with suppress(Exception):  # damaged is damaged; what counts is that nothing was called
        await world.resume()
    assert not marker.exists()
    # Without its checkpoint the thread can do nothing; without the pending writes, what was approved.
    assert len(world.effects) <= (0 if column == "checkpoint" else 1)


def test_what_a_thread_holds_comes_back_as_it_was() -> None:
    call = {"name": "post_send", "args": {"to": "ana"}, "id": "1", "type": "tool_call"}
    state = {
        "messages": [
            HumanMessage(content="hi", id="h"),
            AIMessage(content="", tool_calls=[call], id="a"),
            ToolMessage(
                content="ok", tool_call_id="1", name="post_send", id="t", artifact={"outcome": "done"}
            ),
        ],
        "call": {"id": "1", "tool": "post_send", "arguments": {"n": 1.5}, "attempt": 1},
        "spent": {"steps": 1, "failures": 0, "tokens": 3, "seconds": 0.25},
        "interrupt": [Interrupt(value={"a": 1}, id="i")],
    }
    serializer = strict_serializer()
    assert serializer.loads_typed(serializer.dumps_typed(state)) == state


async def test_no_row_of_a_real_thread_needs_more_than_the_strict_serializer_builds(
    make_world: MakeWorld, recwarn: pytest.WarningsRecorder
) -> None:
    world = await make_world()
    await world.start()
    await world.decide(Approve())
    await world.resume()
    rows: list[Any] = []
    for table, column in (("checkpoints", "checkpoint"), ("writes", "value")):
        rows += list(await world.saver.conn.execute_fetchall(f"SELECT type, {column} FROM {table}"))  # noqa: S608
    assert {row[0] for row in rows} <= {"msgpack", "null"}
    for kind, data in rows:
        strict_serializer().loads_typed((kind, data))
    assert not recwarn.list
