"""Which tools a run uses, and which it does not: choosing is one property, and the gate has a say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from langchain_core.messages import HumanMessage

from graphs.fit import FITS, FITS_TO_READ
from graphs.state import FIND_TOOLS
from nexus.core.tool import JsonSchema
from nexus.errors import Conflict
from nexus.ports.model import ChatMessage, Completion
from nexus.testing import ScriptedModel
from tests.world import MAIL, READ, REMOVE, SEND, World

UNFIT, FIT = FITS_TO_READ - 0.1, FITS + 0.1


@dataclass
class Choosing(ScriptedModel):
    """A model that makes these choices, is more or less sure of each tool, and remembers what it was asked.

    Attributes:
        choices: What it chooses, in order.
        fills: Arguments it writes, each once, as soon as they fit what is asked for.
        fits: Its answer to whether a tool is made for the request.
    """

    choices: list[str] = field(default_factory=list[str])
    fills: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    fits: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    schemas: list[JsonSchema] = field(default_factory=list[JsonSchema])
    judged: list[str] = field(default_factory=list[str])

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int = 512,
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """The next choice, or what else fits."""
        assert schema is not None
        self.schemas.append(schema)
        self.script = [self._line(schema)]
        return await super().complete(messages, schema=schema, max_tokens=max_tokens, on_text=on_text)

    def _line(self, schema: JsonSchema) -> dict[str, Any]:
        if "enum" in schema["properties"].get("tool", {}):
            return {"tool": self.choices.pop(0)}
        for arguments in self.fills:
            if Draft202012Validator(dict(schema)).is_valid(dict(arguments)):
                self.fills.remove(arguments)
                return dict(arguments)
        return dict.fromkeys(schema["required"], "Nothing more.")

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float | None:
        """How sure it is of the tool it is asked about; no request is a mere question."""
        for tool, fit in self.fits.items():
            if f"Tool: {tool}(" in messages[-1].content:
                self.judged.append(tool)
                return fit
        return 0.0

    @property
    def offered(self) -> list[list[str]]:
        """What could be chosen, each time."""
        return [
            schema["properties"]["tool"]["enum"] for schema in self.schemas if "tool" in schema["properties"]
        ]


async def told(world: World, model: Choosing, request: str = "Mail ana@example.com") -> list[dict[str, Any]]:
    """What watchers are told of a run with this model, until it pauses or ends."""
    world.model = model  # type: ignore[assignment]
    world.wire()
    with suppress(Conflict):
        await world.runner.create_thread("t")
    return [
        event
        async for event in world.graph.astream(
            {"messages": [HumanMessage(request)]}, world.config(), stream_mode="custom", durability="sync"
        )
    ]


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
