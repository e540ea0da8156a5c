"""Nexus's own protocol: the real graph over the offered tools, stopped at the first call it proposes."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.graph.state import CompiledStateGraph

from graphs.agent import build
from graphs.parts import Parts
from nexus.ports.model import ChatMessage
from nexus.store.approvals import SqliteApprovals
from nexus.store.database import Database
from nexus.store.ledger import SqliteLedger
from nexus.store.owner import Owner
from nexus.testing import FakeClock, FixedIndex, RecordingTools
from nexus.tools.registry import Registry
from tests.bench.desk_systems import CheckedModel, MeteredEngine
from tests.bench.protocols.action import Action
from tests.bench.protocols.cases import Case


class WithoutProbabilities(CheckedModel):
    """The same model on an engine that gives no probabilities."""

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float | None:  # noqa: ARG002
        """Unknown."""
        return None


@dataclass(frozen=True, slots=True)
class Nexus:
    """The graph; without probabilities, it has no gate."""

    probabilities: bool = True

    async def __call__(self, engine: MeteredEngine, case: Case) -> Action:
        """Run until a call is proposed or the run ends."""
        kind = CheckedModel if self.probabilities else WithoutProbabilities
        async with _graph(kind(engine, name=engine.file.name), case) as graph:
            said: list[str] = []
            async for event in graph.astream(
                {"messages": [HumanMessage(case.request)]}, {"recursion_limit": 50}, stream_mode="custom"
            ):
                if event["event"] == "call":
                    return Action(event["tool"], event["arguments"], "; ".join(said))
                said += _noted(event)
            return Action(None, said="; ".join(said))


def _noted(event: Mapping[str, Any]) -> list[str]:
    """What a later reader of the results wants to know of a run."""
    match event["event"]:
        case "thought" if "fit" in event:
            return [f"{event.get('tool')} fits {event['fit']:.2f}"]
        case "answer":
            return [f"{event['ending']}: {event['text']}"]
        case "correction":
            return [str(event["problem"])]
        case _:
            return []


@asynccontextmanager
async def _graph(model: CheckedModel, case: Case) -> AsyncGenerator[CompiledStateGraph[Any, Any, Any, Any]]:
    """The agent over the offered tools, of which nothing is known but their schemas."""
    registry = Registry([RecordingTools(case.tools)])
    await registry.refresh()
    index = FixedIndex([tool.slug for tool in case.tools])
    with tempfile.TemporaryDirectory() as folder:
        clock = FakeClock()
        database = Database(Path(folder) / "nexus.db", clock)
        owner = Owner(Path(folder) / "owners")
        ledger = SqliteLedger(database, owner)
        try:
            yield build(Parts(model, registry, index, SqliteApprovals(database), ledger, clock))
        finally:
            owner.close()
            await database.close()
