"""A prompt never exceeds the context window: it becomes shorter where that hurts least."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from graphs.prompting import observed
from graphs.shortening import Earlier, Observation, ever_shorter
from graphs.writing import Writer
from nexus.core.tool import JsonSchema
from nexus.errors import PromptTooLong
from nexus.ports.model import ChatMessage, Completion

ROWS = json.dumps([{"id": number, "name": f"row {number}"} for number in range(60)])
PROMPT = [
    ChatMessage("system", "Be brief."),
    Earlier("user", "What is new?"),
    Earlier("assistant", "Nothing."),
    ChatMessage("user", "Request: Send it"),
    observed("app_list", "", ROWS, "Send it"),
    ChatMessage("assistant", '{"tool": "app_list"}'),
    observed("app_list", '"page": 2', ROWS, "Send it"),
]


def _length(prompt: Sequence[ChatMessage]) -> int:
    return sum(len(message.content) for message in prompt)


def test_the_oldest_result_is_cut_first_then_earlier_runs_go_and_the_request_never() -> None:
    prompts = list(ever_shorter(PROMPT))
    lengths = [_length(prompt) for prompt in prompts]
    assert lengths == sorted(lengths, reverse=True)
    assert prompts[0] == PROMPT
    assert prompts[1][6] == PROMPT[6]
    assert len(prompts[1][4].content) < len(PROMPT[4].content)
    assert PROMPT[1] in prompts[2]
    assert PROMPT[1] not in prompts[3]
    assert not any(isinstance(message, Earlier) for message in prompts[4])
    for prompt in prompts:
        assert [PROMPT[0], PROMPT[3], PROMPT[5]] == [
            each for each in prompt if each in (PROMPT[0], *PROMPT[3::2])
        ]
        assert all("Request: Send it" in each.content for each in prompt if isinstance(each, Observation))


def test_a_cut_result_is_json_with_a_note_of_what_is_left() -> None:
    shortest = list(ever_shorter(PROMPT))[-1][-1]
    assert isinstance(shortest, Observation)
    items, note = shortest.shown.split("\n")
    assert json.loads(items)[0] == {"id": 0, "name": "row 0"}
    assert f"{60 - len(json.loads(items))} more of 60 items" in note
    assert shortest.shown in shortest.content


@dataclass
class SmallWindow:
    """A model whose window is counted in characters."""

    window: int
    name: str = "small"
    context_tokens: int = 0
    taken: list[Sequence[ChatMessage]] = field(default_factory=list[Sequence[ChatMessage]])

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: JsonSchema | None = None,  # noqa: ARG002 - the port's
        max_tokens: int = 512,
        on_text: Callable[[str], None] | None = None,  # noqa: ARG002 - the port's
    ) -> Completion:
        """An empty object, if the prompt fits beside it."""
        if _length(messages) + max_tokens > self.window:
            raise PromptTooLong("too long")
        self.taken.append(messages)
        return Completion("{}", prompt_tokens=1, cached_tokens=0, completion_tokens=1, seconds=0.0)

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float | None:  # noqa: ARG002 - the port's
        """Unknown."""
        return None

    async def close(self) -> None:
        """Holds nothing."""


async def test_what_the_model_gets_fits_beside_its_answer() -> None:
    model = SmallWindow(window=3_000)
    await Writer(model)(PROMPT, {"type": "object"}, max_tokens=100)
    (taken,) = model.taken
    assert _length(taken) <= 2_900
    assert len(taken[-1].content) > 1_000  # no more was cut than had to be


async def test_a_prompt_that_fits_in_no_form_is_an_error() -> None:
    with pytest.raises(PromptTooLong):
        await Writer(SmallWindow(window=200))(PROMPT, {"type": "object"}, max_tokens=100)
