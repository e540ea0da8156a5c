"""Which tools a run uses, and which it does not: choosing is one property, and the gate has a say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from graphs.fit import FITS, FITS_TO_READ
from graphs.state import FIND_TOOLS
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid
from tests.graph.choosing import FIT, MIDDLING, UNFIT, Choosing, told
from tests.world import MAIL, READ, REMOVE, SEND, World


async def test_a_tool_that_does_not_fit_is_not_used_and_the_person_is_told_so(world: World) -> None:
    model = Choosing(choices=[SEND.slug, "final_answer"], fits={SEND.slug: UNFIT})
    events = await told(world, model)
    assert [event["event"] for event in events if event["event"] in ("call", "answer")] == ["answer"]
    assert events[-1]["text"] == (
        "I could not do this with the tools I have. Nothing was changed or sent."
        " The nearest, Send an e-mail, is not made for it."
    )
    assert SEND.slug in model.offered[0]
    assert SEND.slug not in model.offered[1]


async def test_a_question_that_no_tool_serves_is_not_answered_out_of_the_blue(world: World) -> None:
    world.change_tool(READ.slug, hints=frozenset())
    model = Choosing(choices=[READ.slug, "final_answer"], fits={READ.slug: UNFIT})
    events = await told(world, model, "What will the weather be?")
    assert events[-1]["text"].startswith("I could not do this with the tools I have.")


async def offering(world: World) -> None:
    """The state of a thread that ended on a question about a tool of which the model is not sure."""
    events = await told(world, Choosing(choices=[SEND.slug, "final_answer"], fits={SEND.slug: MIDDLING}))
    assert (events[-1]["ending"], events[-1]["text"]) == (
        "asked",
        "I am not sure that I have the right tool for this. The nearest is: Send an e-mail. Shall I use it?",
    )


async def test_a_tool_of_which_the_model_is_not_sure_is_used_once_the_user_says_yes(world: World) -> None:
    await offering(world)
    model = Choosing(choices=[SEND.slug], fills=[MAIL], fits={SEND.slug: 0.0}, agreed=0.9)
    await told(world, model, "Yes, please")
    assert ((await world.pending()).call.tool, model.judged) == (SEND.slug, [])
    assert (await world.graph.aget_state(world.config())).values["goal"] == "Mail ana@example.com"


async def test_a_tool_to_which_the_user_did_not_say_yes_is_neither_used_nor_offered_again(
    world: World,
) -> None:
    await offering(world)
    model = Choosing(choices=["final_answer"], fits={SEND.slug: FIT}, agreed=0.1)
    events = await told(world, model, "No, write a letter")
    assert SEND.slug not in model.offered[0]
    assert events[-1]["ending"] == "answered"


async def test_a_tool_is_not_offered_once_another_has_passed(world: World) -> None:
    model = Choosing(
        choices=[SEND.slug, READ.slug, FIND_TOOLS, "final_answer"],
        fits={SEND.slug: MIDDLING, READ.slug: FIT},
    )
    events = await told(world, model)
    assert events[-1]["ending"] == "answered"


async def test_what_was_offered_is_forgotten_with_the_next_request(world: World) -> None:
    await offering(world)
    await told(world, Choosing(choices=["final_answer", "final_answer"], agreed=0.1), "No")
    model = Choosing(choices=[SEND.slug], fills=[MAIL], fits={SEND.slug: FIT}, agreed=0.1)
    await told(world, model, "Do send a mail to ana@example.com")
    assert (await world.pending()).call.tool == SEND.slug


async def test_how_sure_the_model_was_is_told_and_kept(world: World) -> None:
    events = await told(world, Choosing(choices=[SEND.slug], fills=[MAIL], fits={SEND.slug: 0.8321}))
    (thought,) = [event for event in events if "fit" in event]
    assert thought == {
        "event": "thought",
        "text": "Send an e-mail fits (83% sure that it does).",
        "tool": SEND.slug,
        "fit": 0.832,
    }
    assert (await world.graph.aget_state(world.config())).values["fit"] == {SEND.slug: 0.832}


async def test_after_a_refusal_another_tool_may_be_used(world: World) -> None:
    model = Choosing(choices=[READ.slug, SEND.slug], fills=[MAIL], fits={READ.slug: UNFIT, SEND.slug: FIT})
    await told(world, model)
    assert (await world.pending()).call.tool == SEND.slug


async def test_a_tool_that_only_reads_needs_less_certainty(world: World) -> None:
    between = (FITS + FITS_TO_READ) / 2
    model = Choosing(
        choices=[SEND.slug, READ.slug, "find_tools", "final_answer"],
        fits={SEND.slug: between, READ.slug: between},
    )
    await told(world, model)
    assert SEND.slug not in model.offered[1]
    assert await world.answered() == "ok"


async def test_once_a_tool_has_passed_reading_is_free(world: World) -> None:
    world.change_tool(SEND.slug, hints=frozenset({"readOnlyHint"}))
    model = Choosing(
        choices=[SEND.slug, READ.slug, "final_answer"], fills=[MAIL], fits={SEND.slug: FIT, READ.slug: UNFIT}
    )
    await told(world, model, "What is new?")
    assert (await world.answered(), model.judged) == ("ok", [SEND.slug])


async def test_after_two_refusals_the_tools_at_hand_are_not_tried_further(world: World) -> None:
    model = Choosing(
        choices=[READ.slug, SEND.slug, "final_answer"], fits={READ.slug: UNFIT, SEND.slug: UNFIT}
    )
    await told(world, model)
    assert model.offered[-1] == [FIND_TOOLS, "ask_user", "final_answer"]


async def test_the_model_does_not_look_elsewhere_before_a_tool_at_hand_was_tried(world: World) -> None:
    model = Choosing(choices=[FIND_TOOLS, SEND.slug], fills=[MAIL], fits={SEND.slug: FIT})
    await told(world, model)
    assert (await world.pending()).call.tool == SEND.slug
    assert set(model.offered[1]) == set(model.offered[0]) - {FIND_TOOLS, "ask_user", "final_answer"}


async def test_if_what_is_at_hand_does_not_fit_the_model_looks_elsewhere(world: World) -> None:
    model = Choosing(choices=[FIND_TOOLS, SEND.slug, "final_answer"], fits={SEND.slug: UNFIT})
    events = await told(world, model)
    assert [event["query"] for event in events if event["event"] == "shortlist"][1:] == ["Nothing more."]
    assert model.judged == [SEND.slug]


async def test_without_probabilities_the_model_may_look_elsewhere_at_once(world: World) -> None:
    model = Choosing(choices=[FIND_TOOLS, SEND.slug, "final_answer"], fits={SEND.slug: None})
    events = await told(world, model)
    assert len([event for event in events if event["event"] == "shortlist"]) == 2


async def test_a_question_is_looked_up_before_it_is_asked_back(world: World) -> None:
    model = Choosing(choices=[READ.slug, "final_answer"], fits={READ.slug: FIT})
    await told(world, model, "What is new?")
    assert "ask_user" not in model.offered[0]


async def test_an_option_that_nobody_named_is_left_to_the_tool(world: World) -> None:
    option = {"type": "string", "description": "A setting"}
    parameters = {**SEND.parameters, "properties": {**SEND.parameters["properties"], "style": option}}
    world.change_tool(SEND.slug, parameters=parameters)
    model = Choosing(choices=[SEND.slug], fills=[{**MAIL, "style": "baroque"}], fits={SEND.slug: FIT})
    await told(world, model)
    assert (await world.pending()).call.arguments == MAIL


async def test_a_refused_text_becomes_a_choice_of_what_the_error_names(world: World) -> None:
    topic = {"type": "object", "properties": {"topic": {"type": "string"}}, "required": ["topic"]}
    world.change_tool(READ.slug, parameters=topic)

    async def refuse(_spec: ToolSpec, arguments: Mapping[str, Any], *, acted: bool) -> None:
        if arguments["topic"] == "guests" and not acted:
            raise ArgumentsInvalid("There is no 'guests'; the topics are lunch, wifi.")

    world.tools.sabotage = refuse
    model = Choosing(
        choices=[READ.slug, "final_answer"],
        fills=[{"topic": "guests"}, {"topic": "wifi"}],
        fits={READ.slug: FIT},
    )
    await told(world, model, "What is the wifi password?")
    asked = [schema["properties"]["topic"] for schema in model.schemas if "topic" in schema["properties"]]
    assert [each.get("enum") for each in asked] == [None, ["lunch", "wifi"]]


async def test_a_refusal_holds_for_the_whole_run(world: World) -> None:
    model = Choosing(
        choices=[SEND.slug, FIND_TOOLS, "final_answer"], fits={SEND.slug: UNFIT, REMOVE.slug: UNFIT}
    )
    await told(world, model)
    assert model.judged == [SEND.slug]
    assert SEND.slug not in model.offered[-1]


async def test_a_refusal_does_not_hold_for_the_next_request(world: World) -> None:
    await told(world, Choosing(choices=[SEND.slug, "final_answer"], fits={SEND.slug: UNFIT}))
    model = Choosing(choices=[SEND.slug], fills=[MAIL], fits={SEND.slug: FIT})
    await told(world, model, "Do send a mail to ana@example.com")
    assert (await world.pending()).call.tool == SEND.slug


async def test_a_tool_that_passed_is_not_judged_again(world: World) -> None:
    model = Choosing(choices=[READ.slug, READ.slug, "final_answer"], fits={READ.slug: FIT})
    await told(world, model, "What is new?")
    assert model.judged == [READ.slug]


@pytest.mark.parametrize("fit", [None, FIT])
async def test_an_engine_without_probabilities_has_no_gate(world: World, fit: float | None) -> None:
    events = await told(world, Choosing(choices=[SEND.slug], fills=[MAIL], fits={SEND.slug: fit}))
    assert (await world.pending()).call.tool == SEND.slug
    assert any("fit" in event for event in events) is (fit is not None)


async def test_a_question_may_be_answered_with_a_tool_of_which_nothing_is_known_if_a_person_agrees(
    world: World,
) -> None:
    world.change_tool(READ.slug, hints=frozenset())
    model = Choosing(choices=[READ.slug], fits={READ.slug: FIT})
    await told(world, model, "What is new?")
    assert (await world.pending()).call.tool == READ.slug
    assert SEND.slug not in model.offered[0]


async def test_what_finds_an_argument_of_a_tool_that_passed_needs_not_fit_itself(world: World) -> None:
    world.tools.result = "Ana: ana@example.com"
    invented = {**MAIL, "to": "invented@example.com"}
    model = Choosing(
        choices=[SEND.slug, READ.slug, SEND.slug],
        fills=[invented, MAIL],
        fits={SEND.slug: FIT, READ.slug: UNFIT},
    )
    await told(world, model, "Mail Ana")
    assert (await world.pending()).call.arguments == MAIL
    assert model.judged == [SEND.slug]


async def test_a_choice_is_an_object_of_one_property_so_no_engine_can_reorder_it(world: World) -> None:
    model = Choosing(choices=[READ.slug, SEND.slug], fills=[MAIL], fits={READ.slug: FIT, SEND.slug: FIT})
    await told(world, model)
    chosen = [schema for schema in model.schemas if "tool" in schema["properties"]]
    assert [list(schema["properties"]) for schema in chosen] == [["tool"], ["tool"]]


async def test_after_a_tool_that_fits_a_refused_one_does_not_end_the_search_for_the_next_step(
    world: World,
) -> None:
    model = Choosing(
        choices=[READ.slug, REMOVE.slug, "final_answer", SEND.slug],
        fills=[{}, MAIL],
        fits={READ.slug: FIT, REMOVE.slug: UNFIT, SEND.slug: FIT},
    )
    events = await told(world, model, "Read the inbox and mail ana@example.com what is in it")
    assert [event["tool"] for event in events if event["event"] == "call"] == [READ.slug, SEND.slug]
    assert "final_answer" not in model.offered[-1]
