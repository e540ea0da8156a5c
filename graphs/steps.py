"""The steps of a request: once a lookup has served one, no other lookup is made for it.

A small model goes on looking: it has the issue, and wants its events before it mails it. What an argument
needs is looked up all the same (`graphs/reason.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from graphs.events import emit
from graphs.prompting import shots, tool_line
from graphs.state import State
from graphs.writing import Writer
from nexus.core.tool import ToolSpec
from nexus.ports.model import ChatMessage


async def probability_of_fit(write: Writer, request: str, spec: ToolSpec) -> float | None:
    """How probably a tool is made for a request, or for a step of one; None where the engine cannot tell."""
    asked = f"Request: {request}\nTool: {tool_line(spec).removeprefix('- ')}"
    return await write.probability_of_yes([*shots("fit"), ChatMessage("user", asked)])


class Steps:
    """Which tool serves which step of the request, as far as that was asked."""

    def __init__(self, write: Writer, state: State) -> None:
        self._write = write
        self._needs = [need.partition(": ")[2] or need for need in state.get("needs", [])]
        self.of: dict[str, int] = dict(state.get("step_of", {}))

    async def is_served(self, spec: ToolSpec, told: Sequence[ToolSpec]) -> bool:
        """True if `spec`, which only reads, would serve a step that one of `told` has served.

        False for a request of one step, of which nothing more is known, and where the engine gives no
        probabilities.

        Args:
            spec: What was chosen.
            told: The tools that were asked before, with success, and not for an argument of another.
        """
        if not told or not self._needs[1:] or spec in told:
            return False
        served = {await self._step(each): each for each in told}
        step = await self._step(spec)
        if step is None or step not in served:
            return False
        emit("thought", text=f"{spec.title} is not needed: {served[step].title} has told it.", tool=spec.slug)
        return True

    async def _step(self, spec: ToolSpec) -> int | None:
        """The number of the step that the tool fits best; None where nobody can tell."""
        if spec.slug not in self.of:
            fits = [await probability_of_fit(self._write, need, spec) for need in self._needs]
            if None in fits:
                return None
            self.of[spec.slug] = max(range(len(fits)), key=lambda number: fits[number] or 0.0)
        return self.of[spec.slug]
