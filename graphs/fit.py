"""The gate of a step: a tool is used only if it is made for the request.

A small model acts even if no tool fits, and what it writes about that is worth nothing; how probable its yes
is to a question of its own tells the two apart (`tests/bench/protocol.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from graphs.events import emit
from graphs.state import State
from graphs.steps import Steps, probability_of_fit
from graphs.writing import Writer
from nexus.core.tool import ToolSpec
from nexus.errors import NotFound
from nexus.ports.tools import Tools

FITS = 0.65
"""P(yes) from which on a tool may be used, for all models. On the dev half of the cases of
`tests/bench/protocol.py` the 1.5B's is higher for 29 of 30 tools that fit, and lower for 26 of 30 of the most
alike that do not (the same up to 0.85); the 0.5B's for 17 of 19 and 15 of 18."""

FITS_TO_READ = 1 - FITS
"""The same for tools that are known only to read, and to send nothing out: they do no harm, and what finds
something for a step is less like the request. One is used unless the model is as sure of its no as it must
be of a yes to an action. Of 23 right calls for `tests/model/desk_tasks.py` no action was below 0.7, 5 lookups
were below `FITS`."""

MOST_REFUSED = 2
"""Tools of the shortlist that a run tries in vain; each further one is one more chance of a wrong yes. Twice
as many once a tool has passed, and only of those that act: then the request is one for these tools, with a
step of it still to do."""


class Gate:
    """Which tools a run may use, as far as that was asked. Open where the engine gives no probabilities."""

    def __init__(self, write: Writer, state: State, tools: Tools) -> None:
        self._write = write
        self._tools = tools
        self._goal = state["goal"]
        self._found = state["found"]
        self.steps = Steps(write, state)
        self.judged: dict[str, float] = dict(state.get("fit", {}))

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
        in_vain = [name for name in self.refused if name not in self._found]
        if not self.passed:
            return len(in_vain) >= MOST_REFUSED
        return sum(not self._only_reads(name) for name in in_vain) >= 2 * MOST_REFUSED

    async def lets_pass(self, spec: ToolSpec) -> bool:
        """True if `spec` fits the request; the model is asked once in a run.

        What only reads, on this machine, may serve any step: it is enough that another tool has passed.
        """
        if spec.slug in self.judged:
            return spec.slug not in self.refused
        if spec.is_read_only and spec.is_local and self.passed:
            return True
        fit = await probability_of_fit(self._write, self._goal, spec)
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

    def _only_reads(self, name: str) -> bool:
        spec = _spec(self._tools, name)
        return spec is not None and spec.changes_nothing


def _bar(tools: Tools, name: str) -> float:
    """How sure the model must be of a tool."""
    spec = _spec(tools, name)
    return FITS_TO_READ if spec is not None and spec.is_read_only else FITS


def _spec(tools: Tools, name: str) -> ToolSpec | None:
    """The tool, if it is still there."""
    try:
        return tools.get(name)
    except NotFound:
        return None
