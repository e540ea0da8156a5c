"""The tool-select node: local retrieval of the few tools the model chooses from."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from graphs.dates import dates_in
from graphs.events import emit
from graphs.needs import merged, needs_in
from graphs.parts import Parts
from graphs.prompting import tool_line
from graphs.state import FIND_TOOLS, State
from nexus.core.budget import exhausted, nothing_spent
from nexus.errors import NexusError
from nexus.ports.index import ANYONE, Hit, Scope

_log = logging.getLogger(__name__)


class ToolSelect:
    """Shortlists tools for a new request, adds some when the model asks, and ends runs over budget."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, state: State) -> dict[str, Any]:
        """Start a run on a new request, search again if asked to, else change nothing."""
        messages = state.get("messages", [])
        if messages and isinstance(messages[-1], HumanMessage):
            return await self._begin(_goal(state, messages[-1].text))
        if state.get("search"):
            return await self._add(state)
        limit = exhausted(self._parts.budget, state["spent"])
        return _stopped(limit) if limit else {}

    async def _begin(self, goal: str) -> dict[str, Any]:
        """A new request: a new shortlist and a new budget."""
        hits = await self._find([goal, *needs_in(goal)], limit=self._parts.shortlist)
        emit("shortlist", query=goal, tools=_shown(hits))
        return {
            "goal": goal,
            "dates": await asyncio.to_thread(dates_in, goal, self._parts.clock.now().astimezone()),
            "shortlist": [hit.slug for hit in hits],
            "found": [],
            "search": [],
            "call": None,
            "question": "action",
            "go": False,
            "spent": nothing_spent(),
            "ending": None,
        }

    async def _add(self, state: State) -> dict[str, Any]:
        """The model looks for other tools: add what it does not know yet, answer its call."""
        known = [*state["shortlist"], *state["found"]]
        hits = await self._find(state["search"], limit=len(known) + 5)
        new = [hit for hit in hits if hit.slug not in known][:5]
        emit("shortlist", query="; ".join(state["search"]), tools=_shown(new))
        lines = "\n".join(tool_line(self._parts.tools.get(hit.slug)) for hit in new)
        message = ToolMessage(
            content=f"More tools:\n{lines}" if new else "No other tool fits.",
            tool_call_id=_open_search(state),
            name=FIND_TOOLS,
        )
        return {"messages": [message], "found": [*state["found"], *(hit.slug for hit in new)], "search": []}

    async def _find(self, needs: Sequence[str], *, limit: int) -> list[Hit]:
        """The best tools of every need, merged round-robin, no tool twice."""
        scope = await self._scope()
        lists = [await self._parts.index.search(need, limit=limit, scope=scope) for need in needs]
        return merged(lists, limit)

    async def _scope(self) -> Scope:
        """What search may know of the user; nothing if the store cannot be read now."""
        if self._parts.experience is None:
            return ANYONE
        try:
            return Scope(examples=await self._parts.experience.examples(self._parts.user))
        except NexusError as error:
            _log.warning("search goes without experience: %s", error)
            return ANYONE


def _goal(state: State, request: str) -> str:
    """The request; if the agent had asked something, what it was about comes first."""
    return f"{state['goal']}\n{request}" if state.get("ending") == "asked" else request


def _shown(hits: Sequence[Hit]) -> list[dict[str, Any]]:
    return [{"slug": hit.slug, "score": round(hit.score, 3)} for hit in hits]


def _open_search(state: State) -> str:
    last = state["messages"][-1]
    return last.tool_calls[0]["id"] or "" if isinstance(last, AIMessage) and last.tool_calls else ""


def _stopped(limit: str) -> dict[str, Any]:
    text = f"I stopped here: {limit}. What is done is listed above; nothing else was changed."
    return {"messages": [AIMessage(content=text)], "ending": "budget"}
