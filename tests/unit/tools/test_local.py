"""Any annotated function becomes a tool, and a wrong call never reaches it."""

from __future__ import annotations

import asyncio
import errno
import threading
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid, NotFound, ToolFailed
from nexus.ports.tools import ToolResult
from nexus.tools.local import LocalProvider, tool


class Place(BaseModel):
    """Where."""

    title: str
    floor: int | None = None


class Tree(BaseModel):
    """A tree."""

    children: list[Tree] = []


@tool(title="Book a room", hints=["createHint"], version="3")
def book(
    room: Annotated[Place, Field(description="Which room")],
    people: Annotated[list[str], Field(min_length=1, description="Who comes")],
    kind: Annotated[Literal["talk", "lunch"], Field(description="What for")] = "talk",
    *,
    copy: Annotated[bool | None, Field(description="Send a copy")] = None,
) -> dict[str, Any]:
    """Book a room.

    More that only readers of the code see.
    """
    return {"room": room.title, "people": people, "kind": kind, "copy": copy}


def greet(name: str) -> str:
    """Say hello."""
    return f"Hello, {name}"


async def _only(function: Any, **options: Any) -> tuple[LocalProvider, ToolSpec]:
    provider = LocalProvider("app", [function], **options)
    (spec,) = await provider.tools()
    return provider, spec


async def test_a_function_is_described_by_its_mark_docstring_and_signature():
    _, spec = await _only(book)

    assert (spec.slug, spec.toolkit, spec.title, spec.version) == ("app_book", "app", "Book a room", "3")
    assert spec.description == "Book a room."
    assert spec.hints == {"createHint"}
    assert spec.parameters == {
        "type": "object",
        "properties": {
            "room": {
                "type": "object",
                "description": "Which room",
                "properties": {"title": {"type": "string"}, "floor": {"type": "integer"}},
                "required": ["title"],
            },
            "people": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "Who comes",
            },
            "kind": {
                "type": "string",
                "enum": ["talk", "lunch"],
                "default": "talk",
                "description": "What for",
            },
            "copy": {"type": "boolean", "description": "Send a copy"},
        },
        "required": ["room", "people"],
        "additionalProperties": False,
    }
    Draft202012Validator.check_schema(spec.parameters)


async def test_a_function_without_a_mark_is_a_tool_of_which_nothing_is_known():
    provider, spec = await _only(greet)

    assert (spec.title, spec.hints, spec.is_read_only) == ("Greet", frozenset(), False)
    assert await provider.call(spec, {"name": "Kim"}, key="k") == ToolResult("Hello, Kim")


async def test_values_are_handed_over_as_the_annotations_say_and_results_become_compact_json():
    provider, spec = await _only(book)

    result = await provider.call(spec, {"room": {"title": "Blå"}, "people": ["Kim", 7]}, key="k")

    assert result.text == '{"room":"Blå","people":["Kim","7"],"kind":"talk","copy":null}'


@pytest.mark.parametrize(
    ("arguments", "field", "message"),
    [
        ({"people": ["Kim"]}, "room", "room: is required"),
        ({"room": {"title": "A"}, "people": []}, "people", "people: list should have at least 1 item"),
        (
            {"room": {"title": []}, "people": ["K"]},
            "room.title",
            "room.title: input should be a valid string; got []",
        ),
        (
            {"room": {"title": "A"}, "people": ["K"], "kind": "party"},
            "kind",
            "kind: input should be 'talk' or 'lunch'; got 'party'",
        ),
        (
            {"room": {"title": "A"}, "people": ["K"], "colour": "red"},
            "colour",
            "colour: this tool has no such parameter; it takes room, people, kind, copy",
        ),
        ({"room": {"title": "A"}, "people": ["\ud83d"]}, "people", "people: contains half a character"),
        ({"room": {"title": "A"}, "people": "x" * 900}, "people", "x…"),
    ],
)
async def test_wrong_arguments_are_refused_by_field_expectation_and_value(
    arguments: dict[str, Any], field: str, message: str
):
    provider, spec = await _only(book)

    with pytest.raises(ArgumentsInvalid) as caught:
        await provider.call(spec, arguments, key="k")

    assert caught.value.field == field
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


async def test_several_faults_are_told_at_once():
    provider, spec = await _only(book)

    with pytest.raises(ArgumentsInvalid, match=r"room: is required; people: is required"):
        await provider.call(spec, {}, key="k")


async def test_a_plain_function_runs_beside_the_event_loop_and_an_async_one_on_it():
    threads: list[int] = []

    def plain() -> None:
        """Look where it runs."""
        threads.append(threading.get_ident())

    async def coroutine() -> None:
        """Look where it runs."""
        await asyncio.sleep(0)
        threads.append(threading.get_ident())

    provider = LocalProvider("app", [plain, coroutine])
    results = [await provider.call(spec, {}, key="k") for spec in await provider.tools()]

    assert threads[0] != threading.get_ident() == threads[1]
    assert [result.text for result in results] == ["Done.", "Done."]


@dataclass
class Opaque:
    """A dataclass with something JSON cannot hold."""

    inner: object


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ToolResult("made it", reference="r-1"), "made it"),
        ([1, 2.5, None], "[1,2.5,null]"),
        (True, "true"),
        ({"a": {1}}, '{"a":[1]}'),
        (Opaque(Ellipsis), '{"inner":"Ellipsis"}'),
    ],
)
async def test_any_result_becomes_text_because_the_function_has_acted_already(value: Any, text: str):
    def act() -> Any:
        """Act."""
        return value

    provider, spec = await _only(act)

    assert (await provider.call(spec, {}, key="k")).text == text


async def test_methods_are_tools_of_their_own_object():
    class Counter:
        def __init__(self, start: int) -> None:
            self.number = start

        @tool(hints=["updateHint"])
        def add(self, many: Annotated[int, Field(description="How many")]) -> int:
            """Count up."""
            self.number += many
            return self.number

    one, two = Counter(1), Counter(100)
    first, spec = await _only(one.add)
    second, _ = await _only(two.add)

    assert list(spec.parameters["properties"]) == ["many"]
    assert (await first.call(spec, {"many": 1}, key="k")).text == "2"
    assert (await second.call(spec, {"many": 1}, key="k")).text == "101"


async def test_trouble_with_local_files_is_a_failure_with_a_remedy():
    def save() -> None:
        """Save a file."""
        raise OSError(errno.ENOSPC, "No space left on device")

    provider, spec = await _only(save, acts_on_files=True)

    with pytest.raises(ToolFailed, match="Save failed: the disk is full; free some space"):
        await provider.call(spec, {}, key="k")


async def test_any_other_exception_comes_out_as_it_is_so_that_the_outcome_counts_as_unknown():
    def post() -> None:
        """Post something over the network."""
        raise ConnectionResetError("reset after sending")

    provider, spec = await _only(post)

    with pytest.raises(ConnectionResetError):
        await provider.call(spec, {}, key="k")


async def test_a_tool_of_somebody_else_is_not_found():
    provider, _ = await _only(greet)
    foreign = ToolSpec("other_greet", "other", "Greet", "Say hello.", {"type": "object"})

    with pytest.raises(NotFound, match="app has no tool other_greet"):
        await provider.call(foreign, {}, key="k")


def _no_docstring(name: str) -> str:
    return name


def _many(*names: str) -> None:
    """Take many."""


def _bare(name) -> None:  # noqa: ANN001
    """Take something."""


def _grow(tree: Tree) -> None:
    """Grow."""


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (_no_docstring, "a docstring that says what it does"),
        (_many, "has no single name"),
        (_bare, "annotate the parameter name"),
        (_grow, "Tree contains itself"),
    ],
)
def test_a_function_that_cannot_be_described_is_refused_at_once(function: Any, why: str):
    with pytest.raises(TypeError, match=why):
        LocalProvider("app", [function])


def test_two_functions_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two functions are called app_greet"):
        LocalProvider("app", [greet, greet])
