"""The tool-select node: local retrieval of the few tools the model chooses from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig

from graphs.conversation import keep_earlier
from graphs.dates import dates_in
from graphs.events import emit
from graphs.experience import scope_of
from graphs.needs import merged, names_in, needs_by_model, needs_in
from graphs.offer import reply_to_offer
from graphs.parts import Parts
from graphs.prompting import tool_line
from graphs.recall import for_apps, recall, told
from graphs.remembering import remember_said
from graphs.state import FIND_TOOLS, State, thread_of
from graphs.writing import Writer
from nexus.core.budget import exhausted, nothing_spent
from nexus.errors import NotFound
from nexus.ports.index import Hit, Scope

FEW_TOOLS = 60
"""Up to so many tools the request itself finds what it needs, without a word of the model: of the desk's 25
the shortlist has every tool for 61 of the 64 tasks of `tests/model/desk_tasks.py` that need any."""

POOL = 50
"""Tools that are found for the request and for each need, of which the shortlist is the best."""


class ToolSelect:
    """Shortlists tools for a new request, adds some when the model asks, and ends runs over budget."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """Start a run on a new request, search again if asked to, else change nothing."""
        messages = state.get("messages", [])
        if messages and isinstance(messages[-1], HumanMessage):
            request = messages[-1].text
            said = await remember_said(self._parts, request, thread_of(config))
            if said and not said[1]:
                return _remembered(said[0], request)
            fit = await reply_to_offer(self._parts, state, request)
            agreed = [name for name, sure in fit.items() if sure]
            goal = state["goal"] if agreed else _goal(state, said[1] if said else request)
            earlier = await keep_earlier(self._parts, state, thread_of(config))
            return await self._begin(goal, fit=fit, found=agreed, earlier=earlier)
        if state.get("search"):
            return await self._add(state)
        limit = exhausted(self._parts.budget, state["spent"])
        return _stopped(limit) if limit else {}

    async def _begin(
        self, goal: str, *, fit: dict[str, float], found: list[str], earlier: str
    ) -> dict[str, Any]:
        """A new request: a new shortlist of what is switched on now, and a new budget.

        `fit` is what is known of its tools already, `found` those to offer whatever search finds,
        `earlier` how to read on in what was said before.
        """
        await self._parts.tools.freshen()
        write = Writer(self._parts.model)
        needs = await self._needs(write, goal)
        recalled = await recall(self._parts, goal)
        hits = await self._find(goal, needs, limit=self._parts.shortlist)
        hits = self._known_to_work(hits, recalled.tools)
        emit("shortlist", query=goal, needs=needs, tools=_shown(hits))
        memories = await for_apps(self._parts, recalled, [hit.slug for hit in hits])
        if memories:
            emit("recalled", memories=told(memories))
        return {
            **_new_run(goal),
            "needs": needs,
            "dates": await asyncio.to_thread(dates_in, goal, self._parts.clock.now().astimezone()),
            "earlier": earlier,
            "recalled": [memory.id for memory in memories],
            "shortlist": [hit.slug for hit in hits],
            "found": _beside(hits, [*found, *self._reader(earlier)]),
            "scores": _scores(hits),
            "fit": fit,
            "spent": {**write.onto(nothing_spent(), failures=0), "steps": 0},
        }

    def _reader(self, earlier: str) -> list[str]:
        """The tool that reads on, if there is something to read on in."""
        return [self._parts.results.reader] if earlier and self._parts.results is not None else []

    async def _needs(self, write: Writer, goal: str) -> list[str]:
        """What to look for beside the request itself; the model is asked only where there is much to find."""
        if len(self._parts.tools.all()) <= FEW_TOOLS:
            return needs_in(goal)
        return await needs_by_model(write, goal)

    async def _add(self, state: State) -> dict[str, Any]:
        """The model looks for other tools: add what it does not know yet, answer its call."""
        known = [*state["shortlist"], *state["found"]]
        hits = await self._find("; ".join(state["search"]), limit=len(known) + 5)
        new = [hit for hit in hits if hit.slug not in known][:5]
        emit("shortlist", query="; ".join(state["search"]), tools=_shown(new))
        lines = "\n".join(tool_line(self._parts.tools.get(hit.slug)) for hit in new)
        message = ToolMessage(
            content=f"More tools:\n{lines}" if new else "No other tool fits.",
            tool_call_id=_open_search(state),
            name=FIND_TOOLS,
        )
        return {
            "messages": [message],
            "found": [*state["found"], *(hit.slug for hit in new)],
            "scores": {**state.get("scores", {}), **_scores(new)},
            "search": [],
        }

    async def _find(self, request: str, needs: Sequence[str] = (), *, limit: int) -> list[Hit]:
        """The best tools for the request and for its needs, no tool twice."""
        scope, deep = await scope_of(self._parts), max(limit, POOL)
        names = names_in(needs)
        whole, *others = [
            await self._parts.index.search(text, limit=deep, scope=scope)
            for text in [request, *needs, *names]
        ]
        return merged(
            whole,
            others[: len(needs)],
            limit,
            names=others[len(needs) :],
            others=self._unconnected([whole, *others], scope),
        )

    def _known_to_work(self, hits: Sequence[Hit], tools: Sequence[str]) -> list[Hit]:
        """The tools of procedures that fit the request first, as far as they are there; then the others."""
        best = hits[0].score if hits else 1.0
        first = [Hit(slug, best) for slug in tools if self._toolkit(slug) is not None]
        names = {hit.slug for hit in first}
        return [*first, *(hit for hit in hits if hit.slug not in names)][: max(len(hits), len(first))]

    def _unconnected(self, found: Sequence[Sequence[Hit]], scope: Scope) -> set[str]:
        """The tools that came behind others because their app is not connected."""
        slugs = {hit.slug for hits in found for hit in hits} if scope.connected else set[str]()
        return {slug for slug in slugs if self._toolkit(slug) not in (scope.connected or ())}

    def _toolkit(self, slug: str) -> str | None:
        """Whose tool it is; None if it went while it was searched for."""
        try:
            return self._parts.tools.get(slug).toolkit
        except NotFound:
            return None


def _beside(hits: Sequence[Hit], names: Sequence[str]) -> list[str]:
    """Those of the names that were not found anyway."""
    return [name for name in names if name not in {hit.slug for hit in hits}]


def _new_run(goal: str) -> dict[str, Any]:
    """The state of a run that has done nothing yet: nothing of the one before is left in it."""
    return {
        "goal": goal,
        "needs": [],
        "step_of": {},
        "sought": {},
        "dates": [],
        "earlier": "",
        "recalled": [],
        "shortlist": [],
        "found": [],
        "scores": {},
        "fit": {},
        "offered": None,
        "search": [],
        "call": None,
        "question": "action",
        "go": False,
        "spent": nothing_spent(),
        "ending": None,
    }


def _remembered(text: str, request: str) -> dict[str, Any]:
    """The end of a run that only was to remember something."""
    emit("answer", text=text, ending="answered")
    return {**_new_run(request), "messages": [AIMessage(content=text)], "ending": "answered"}


def _goal(state: State, request: str) -> str:
    """The request; if the agent had asked something, what it was about comes first."""
    return f"{state['goal']}\n{request}" if state.get("ending") == "asked" else request


def _shown(hits: Sequence[Hit]) -> list[dict[str, Any]]:
    return [{"slug": hit.slug, "score": round(hit.score, 3)} for hit in hits]


def _scores(hits: Sequence[Hit]) -> dict[str, float]:
    return {hit.slug: round(hit.score, 3) for hit in hits}


def _open_search(state: State) -> str:
    last = state["messages"][-1]
    return last.tool_calls[0]["id"] or "" if isinstance(last, AIMessage) and last.tool_calls else ""


def _stopped(limit: str) -> dict[str, Any]:
    text = f"I stopped here: {limit}. What is done is listed above; nothing else was changed."
    return {"messages": [AIMessage(content=text)], "ending": "budget"}
