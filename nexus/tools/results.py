"""Reading on in results that were too long to be shown whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nexus.core.action import ThreadId
from nexus.core.arguments import check_arguments
from nexus.core.pieces import pieces
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid
from nexus.ports.results import Kept, ResultStore, StoredResult
from nexus.ports.tools import ToolResult

PIECE = 3_000
"""Characters of one part: with its heading less than what the model is shown of a result."""

READ = ToolSpec(
    slug="results_read",
    toolkit="results",
    title="Read on in a long result",
    description="Read another part of a result that was too long to be shown whole.",
    parameters={
        "type": "object",
        "properties": {
            "result": {"type": "string", "description": "Which result, e.g. r1", "pattern": "^r[0-9]{1,9}$"},
            "part": {"type": "integer", "minimum": 1, "description": "Which part of it; the first is 1"},
        },
        "required": ["result", "part"],
        "additionalProperties": False,
    },
    hints=frozenset({"readOnlyHint", "idempotentHint"}),
    is_local=True,
    returns_own=True,  # nothing new: its thread has read the result before
)


class ResultShelf:
    """One user's long results: kept whole (`nexus.ports.results.Results`), read by a tool (`ToolProvider`).

    A call of the tool finds the results of its own thread only: the ledger knows which that is.
    """

    name = "results"
    reader = READ.slug

    def __init__(self, store: ResultStore) -> None:
        self._store = store

    async def keep(self, text: str, *, thread: ThreadId, call: str, tool: str) -> Kept:
        """Keep the result of a call."""
        result_id = await self._store.add(text, thread=thread, call=call, tool=tool)
        count = len(pieces(text, PIECE))
        return Kept(
            result_id,
            f"all of it is kept as result {result_id} in {count} parts: {READ.slug} shows each",
        )

    async def tools(self) -> Sequence[ToolSpec]:
        """The tool that reads on."""
        return [READ]

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """A part of a result of the thread that the call belongs to."""
        check_arguments(spec, arguments)
        stored = await self._store.get(arguments["result"], thread=await self._store.thread_of(key))
        return ToolResult(part_of(stored, arguments["part"]), reference=stored.id)


def part_of(stored: StoredResult, number: int) -> str:
    """A part of a result under a heading that says which. Raises ArgumentsInvalid if there is none."""
    parts = pieces(stored.text, PIECE)
    if not 1 <= number <= len(parts):
        raise ArgumentsInvalid(f"the result has {len(parts)} parts", field="part", remedy="The first is 1.")
    lost = stored.length - len(stored.text)
    note = f"\n({lost:,} more characters were not kept.)" if lost and number == len(parts) else ""
    return f"Part {number} of {len(parts)} of {stored.id} ({stored.tool}):\n{parts[number - 1]}{note}"
