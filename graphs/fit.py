"""The gate of a step: a tool is used only if it is made for the request.

A small model acts even if no tool fits, and what it writes about that is worth nothing; how probable its yes
is to a question of its own tells the two apart (`tests/bench/protocol.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from graphs.events import emit
from graphs.prompting import prompt_file, tool_line
from graphs.state import State, calls_made
from graphs.writing import Writer
from nexus.core.tool import ToolSpec
from nexus.errors import NotFound
from nexus.ports.model import ChatMessage
from nexus.ports.tools import Tools

FITS = 0.65
"""P(yes) from which on a tool may be used, for all models. On the dev half of the cases of
`tests/bench/protocol.py` the 1.5B's is higher for 29 of 30 tools that fit, and lower for 26 of 30 of the most
alike that do not (the same up to 0.85); the 0.5B's for 17 of 19 and 15 of 18."""

FITS_TO_READ = 0.5
"""The same for tools that are known only to read: they do no harm, and what finds something for a step is
less like the request. Of 23 right calls for `tests/model/desk_tasks.py` no action was below 0.7, 5 lookups
were below `FITS`, 2 below this."""

MOST_REFUSED = 2
"""Tools of the shortlist that a run tries in vain; each further one is one more chance of a wrong yes. Twice
as many once a tool has passed: then the request is one for these tools, with a step of it still to do."""


class Gate:
    """Which tools a run may use, as far as that was asked. Open where the engine gives no probabilities."""

    def __init__(self, write: Writer, state: State, tools: Tools) -> None:
        self._write = write
        self._tools = tools
        self._goal = state["goal"]
        self._found = state["found"]
        self.judged: dict[str, float] = dict(state.get("fit", {})) if calls_made(state) else {}

    @property
    def refused(self) -> list[str]:
        """The tools that do not fit."""
        return [name for name, fit in self.judged.items() if fit < _bar(self._tools, name)]

    @property
    def passed(self) -> list[str]:
        """The tools that fit."""
        return [name for name in self.judged if name not in self.refused]

    @property
    def is_closed(self) -> bool:
        """True if so many tools were refused that no other of the shortlist is tried."""
        in_vain = sum(name not in self._found for name in self.refused)
        return in_vain >= MOST_REFUSED * (2 if self.passed else 1)

    async def lets_pass(self, spec: ToolSpec) -> bool:
        """True if `spec` fits the request; the model is asked once in a run.

        What only reads may serve any step, so it needs no more than that one tool has passed before.
        """
        if spec.slug in self.judged:
            return spec.slug not in self.refused
        if spec.is_read_only and self.passed:
            return True
        fit = await self._fit(spec)
        if fit is None:
            return True
        self.judged[spec.slug] = round(fit, 3)
        passes = spec.slug not in self.refused
        verdict = "fits" if passes else "does not fit"
        told = f"{spec.title} {verdict} ({fit:.0%} sure that it does)."
        emit("thought", text=told, tool=spec.slug, fit=self.judged[spec.slug])
        return passes

    def open_to(self, tools: Sequence[str]) -> list[str]:
        """The tools that may still be chosen: none that was refused; after some, only later finds."""
        left = [name for name in tools if name not in self.refused]
        if not self.is_closed:
            return left
        return [name for name in left if name in self._found or name in self.passed]

    async def _fit(self, spec: ToolSpec) -> float | None:
        asked = _question(self._goal, tool_line(spec).removeprefix("- "))
        return await self._write.probability_of_yes([*_examples(), ChatMessage("user", asked)])


@cache
def _examples() -> Sequence[ChatMessage]:
    """The instruction and examples: the same for every request, so they are read once."""
    messages = [ChatMessage("system", prompt_file("fit").template)]
    for example in prompt_file("fit_examples").template.split("\n\n"):
        asked, _, answer = example.rpartition("\n")
        messages += [ChatMessage("user", asked), ChatMessage("assistant", answer)]
    return messages


def _question(request: str, tool: str) -> str:
    return f"Request: {request}\nTool: {tool}"


def _bar(tools: Tools, name: str) -> float:
    """How sure the model must be of a tool."""
    try:
        return FITS_TO_READ if tools.get(name).is_read_only else FITS
    except NotFound:
        return FITS
