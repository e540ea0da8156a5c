"""What is recalled: the few memories that matter for a request, found once when its run begins.

The state holds only their ids, and each step reads them anew: what is forgotten is gone from the next step
on, and stands in no checkpoint. A store that cannot be read in time never stops a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphs.helping import helped
from graphs.memories import Memories
from graphs.parts import Parts
from graphs.state import State
from nexus.core.memory import Kind, Memory, MemoryId
from nexus.core.origin import Source
from nexus.core.tool import ToolSpec
from nexus.errors import NotFound
from nexus.ports.memory import Found, Which

MOST = 5
"""Memories that a run is shown at most: a small model is led astray by more."""

LONGEST = 800
"""Characters of all of them together, about 200 tokens."""

LEAST: Mapping[Kind, float] = {"fact": 0.3, "preference": 0.3, "procedure": 0.45}
"""How close to the request a memory has to be to matter for it (cosine of MiniLM, plus shared words).

Of ten memories and twelve requests, those that matter have 0.30 to 0.91, most others less than 0.28."""

LEAST_FOR_TOOL = 0.35
"""How close a preference has to be to what a likely tool does: `I sign mails …` to sending one."""

_TOOLS = 3
"""The likeliest tools whose preferences matter."""

_KINDS: frozenset[Kind] = frozenset({"preference"})


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was found for a request, before it is known which apps it is about."""

    found: Sequence[Found] = ()

    @property
    def tools(self) -> list[str]:
        """The tools of the procedures that fit, the closest first."""
        named = [each.memory.tool for each in self.found if each.memory.tool]
        return list(dict.fromkeys(named))


async def recall(parts: Parts, request: str) -> Recalled:
    """What is remembered that matters for the request; nothing if memory is off or cannot be read."""
    if parts.memories is None:
        return Recalled()
    found = await helped(
        parts.memories.recall(request),
        [],
        within=parts.memory_timeout,
        without="the run goes without memories",
    )
    return Recalled([each for each in found if each.score >= LEAST[each.memory.kind]])


async def for_apps(parts: Parts, recalled: Recalled, tools: Sequence[str]) -> list[Memory]:
    """Of what was found, and of the preferences for the likeliest `tools`, as many as there is room for."""
    if parts.memories is None:
        return []
    specs = [parts.tools.get(slug) for slug in tools if _is_there(parts, slug)]
    apps = frozenset(spec.toolkit for spec in specs)
    found = {each.memory.id: each for each in recalled.found if Which(apps=apps).fits(each.memory)}
    preferences = await helped(
        _preferences(parts.memories, specs[:_TOOLS], Which(kinds=_KINDS, apps=apps)),
        [],
        within=parts.memory_timeout,
        without="the run goes without preferences",
    )
    for each in preferences:
        found.setdefault(each.memory.id, each)
    best = sorted(found.values(), key=lambda each: -each.score)
    return _fitting([each.memory for each in best])


async def with_memories(parts: Parts, state: State) -> State:
    """The state with the memories that its run recalled, as they are now."""
    ids = state.get("recalled", [])
    if parts.memories is None or not ids:
        return {**state, "memories": []}
    texts = await helped(
        _texts(parts.memories, ids),
        [],
        within=parts.memory_timeout,
        without="a step goes without memories",
    )
    return {**state, "memories": texts}


def sources_of(state: State) -> list[Source]:
    """The memories as what a value may have been taken from."""
    return [Source("memory", text) for text in state.get("memories", [])]


def told(memories: Sequence[Memory]) -> list[dict[str, str]]:
    """Memories for those who watch a run."""
    return [{"id": each.id, "kind": each.kind, "text": each.text} for each in memories]


def _fitting(memories: Sequence[Memory]) -> list[Memory]:
    kept: list[Memory] = []
    for memory in memories[:MOST]:
        if sum(len(each.text) for each in [*kept, memory]) <= LONGEST:
            kept.append(memory)
    return kept


async def _preferences(memories: Memories, specs: Sequence[ToolSpec], which: Which) -> list[Found]:
    """Those that matter for what the tools do."""
    if not await memories.are_any():
        return []
    found = [each for spec in specs for each in await memories.recall(spec.title, which=which)]
    return [each for each in found if each.score >= LEAST_FOR_TOOL]


async def _texts(memories: Memories, ids: Sequence[str]) -> list[str]:
    """What those of the ids say that are still there."""
    texts: list[str] = []
    for memory in ids:
        try:
            found = await memories.store.get(MemoryId(memory))
        except NotFound:
            continue
        texts += [] if found.is_pending else [found.text]
    return texts


def _is_there(parts: Parts, slug: str) -> bool:
    try:
        parts.tools.get(slug)
    except NotFound:
        return False
    return True
