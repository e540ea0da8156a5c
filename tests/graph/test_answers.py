"""What a run says at its end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.answer import Unwrapped
from graphs.state import FIND_TOOLS
from nexus.core.decision import Approve
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid, ToolFailed
from nexus.runtime.runner import Event
from tests.world import MAIL, READ, REMOVE, SEND, MakeWorld, World


@given(st.text(), st.integers(1, 7), st.booleans())
def test_pieces_of_a_json_text_are_told_as_the_text_they_hold(text: str, size: int, ascii_only: bool):  # noqa: FBT001
    told: list[str] = []
    listener = Unwrapped(lambda text: told.append(text))  # noqa: PLW0108 - called by keyword
    written = json.dumps({"answer": text}, ensure_ascii=ascii_only)
    for start in range(0, len(written), size):
        listener.feed(written[start : start + size])
    assert "".join(told) == text
    assert all(told)


async def _events(world: World, request: str) -> list[Event]:
    await world.runner.create_thread("t")
    return [event async for event in world.runner.run("t", request)]


async def _answer(
    world: World, said: str, *, result: str = "ok", request: str = "Mail ana@example.com"
) -> str:
    """What a run that sends one mail answers, when the model says `said`."""
    world.model.answer, world.tools.result = said, result
    await world.start(request)
    await world.decide(Approve())
    await world.resume()
    return (await world.view()).answer


async def test_an_answer_is_told_while_it_is_written(make_world: MakeWorld) -> None:
    world = await make_world(plan=((READ.slug, {}),))
    world.model.answer = "There is “one” mail.\nIt is from Ana."
    events = await _events(world, "What is new?")
    told = [event["text"] for event in events if event["event"] == "writing"]
    assert len(told) > 3
    assert "".join(told) == world.model.answer
    assert [event["text"] for event in events if event["event"] == "answer"] == [world.model.answer]


async def test_a_question_to_the_user_is_told_while_it_is_written(make_world: MakeWorld) -> None:
    world = await make_world(plan=(("ask_user", {}),))
    world.model.answer = "To whom?"
    told = [event["text"] for event in await _events(world, "Mail them") if event["event"] == "writing"]
    assert "".join(told) == "To whom?"


@pytest.mark.parametrize(
    "made_up", ["eve@example.com", "https://example.com/mail/7", "mail-7", "18f3a0c2b4d5e6f7"]
)
async def test_a_sentence_with_something_made_up_is_left_out(world: World, made_up: str) -> None:
    said = f"It is {made_up}. I sent the mail."
    assert await _answer(world, said) == "I sent the mail."


async def test_an_action_is_told_in_one_sentence(world: World) -> None:
    said = "I sent the mail to ana@example.com. It holds a link to each issue, and Ben has a copy."
    assert await _answer(world, said) == "I sent the mail to ana@example.com."


async def test_what_stands_in_a_request_or_a_result_may_be_said(world: World) -> None:
    said = "I sent mail-7 to ana@example.com at 3:30 on 2026-11-27, in Q3-2026."
    assert await _answer(world, said, result="Sent as mail-7.") == said


async def test_an_answer_of_which_nothing_is_left_says_what_the_tool_said(world: World) -> None:
    assert await _answer(world, "It went to eve@example.com.", result="Sent to Ana.") == "Sent to Ana."


async def test_what_was_made_is_named_even_if_the_model_does_not(world: World) -> None:
    result = "Sent mail-7 to ana@example.com, see https://post.example/mail-7."
    answer = await _answer(world, "I sent it.", result=result)
    assert answer == "I sent it. (mail-7, https://post.example/mail-7)"


ROWS = "09:30 | Planning | Room 1\n18:30 | Dentist | 12 Mill Lane"


@pytest.mark.parametrize(
    ("said", "result", "is_shown"),
    [
        ("One at 9:30 in Room 1, one at 18:30 in 12 Mill Lane.", ROWS, True),
        ("Planning in room 1, and the dentist in Mill Lane.", ROWS, False),
        ("One at 9:30.", "09:30 | Planning | Room 1", False),
        ("One at 9:30.", "Dear Ana,\nPlanning is at 9:30.", False),
        ("One at 9:30.", "\n".join([ROWS] * 7), False),
    ],
    ids=["names left out", "all said", "a single row", "no table", "too long"],
)
async def test_a_short_table_of_which_an_answer_leaves_out_names_stands_below_it(
    make_world: MakeWorld, said: str, result: str, *, is_shown: bool
) -> None:
    world = await make_world(plan=((READ.slug, {}),))
    world.model.answer, world.tools.result = said, result
    await world.start("What is on Friday?")
    assert (await world.view()).answer == (f"{said}\n{result}" if is_shown else said)


async def test_what_failed_is_admitted_even_if_the_model_does_not(make_world: MakeWorld) -> None:
    world = await make_world(plan=((SEND.slug, MAIL), (REMOVE.slug, {"number": 7})))

    async def fails(spec: ToolSpec, arguments: Any, *, acted: bool) -> None:  # noqa: ARG001 - the seam's
        if spec.slug == REMOVE.slug:
            raise ToolFailed("There is no mail 7.")

    world.tools.sabotage = fails
    world.model.answer = "I sent the mail and deleted the other."
    await world.start("Mail ana@example.com and delete mail 7")
    for _ in range(2):
        await world.decide(Approve())
        await world.resume()
    assert (await world.view()).answer == (
        "I sent the mail and deleted the other.\nNot done: Delete a mail. Error: There is no mail 7."
    )


async def test_what_failed_first_and_was_done_then_is_not_a_failure(make_world: MakeWorld) -> None:
    world = await make_world(plan=((SEND.slug, {**MAIL, "subject": "a"}), (SEND.slug, MAIL)))
    failures = [ToolFailed("The subject is too short.")]

    async def fails(spec: ToolSpec, arguments: Any, *, acted: bool) -> None:  # noqa: ARG001 - the seam's
        if failures:
            raise failures.pop()

    world.tools.sabotage = fails
    world.model.answer = "I sent it."
    await world.start()
    for _ in range(2):
        await world.decide(Approve())
        await world.resume()
    assert (await world.view()).answer == "I sent it."


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("The mail is from Ana. I then sent a summary to Ben.", "The mail is from Ana."),
        ("I found one mail, from Ana.", "I found one mail, from Ana."),
        ("I have mailed Ben.", "A mail from Ana."),
    ],
)
async def test_a_run_that_only_looked_tells_what_it_found_and_claims_no_more(
    make_world: MakeWorld, said: str, told: str
) -> None:
    world = await make_world(plan=((READ.slug, {}), (FIND_TOOLS, {})))
    world.model.answer, world.tools.result = said, "A mail from Ana."
    await world.start("Find the newest mail and send Ben a summary")
    assert (await world.view()).answer == f"{told}\nNothing was changed or sent."


@pytest.mark.parametrize(("first", "is_told"), [("hello", True), ("tulips", False)])
async def test_what_was_asked_for_and_refused_and_replaced_is_told(
    make_world: MakeWorld, first: str, *, is_told: bool
) -> None:
    world = await make_world(
        plan=((SEND.slug, {**MAIL, "subject": first}), (SEND.slug, {**MAIL, "subject": "hi"}))
    )
    failures = [ArgumentsInvalid("The subject is not allowed.")]

    async def fails(spec: ToolSpec, arguments: Any, *, acted: bool) -> None:  # noqa: ARG001 - the seam's
        if failures:
            raise failures.pop()

    world.tools.sabotage = fails
    world.model.answer = "I sent it."
    await world.start("Mail ana@example.com hello")
    for _ in range(2):
        await world.decide(Approve())
        await world.resume()
    line = "\nNot as asked: subject is hi instead of hello, which was refused."
    assert (await world.view()).answer == f"I sent it.{line if is_told else ''}"
