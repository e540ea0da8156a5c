"""A graph of somebody else's, in a server that may die: it thinks, asks, and is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from operator import add
from pathlib import Path
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


@dataclass
class Mind:
    """Where models and nodes think: a place to die, and to hang as long as the folder has a file `hang`."""

    folder: Path = Path()
    reach: Callable[[str], None] = lambda _: None

    async def think(self) -> None:
        """Say that it was reached; hang, or go on."""
        self.reach("in a node")
        if (self.folder / "hang").exists():
            (self.folder / "asked").touch()
            await asyncio.Event().wait()


MIND = Mind()


class Worked(TypedDict, total=False):
    x: str
    seen: Annotated[list[str], add]
    answers: Annotated[list[Any], add]


async def work(state: Worked) -> Worked:
    """Take note of what came in: twice, if it were run twice."""
    await MIND.think()
    return {"seen": [state["x"]]}


def ask(state: Worked) -> Worked:
    return {"answers": [interrupt({"question": "ok?", "x": state["x"]})]}


async def done(state: Worked) -> Worked:
    await MIND.think()
    return {"x": f"{state['x']}!"}


works = (
    StateGraph(Worked)
    .add_node("work", work)
    .add_node("ask", ask)
    .add_node("done", done)
    .add_edge(START, "work")
    .add_edge("work", "ask")
    .add_edge("ask", "done")
    .add_edge("done", END)
)
