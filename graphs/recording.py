"""What a step leaves on its message for whoever reads the run later: never a part of any prompt.

It stands where LangChain's messages have a place for it (`usage_metadata`, `response_metadata`), so every
client of the ecosystem finds the tokens where it looks for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from graphs.state import State
from graphs.writing import Writer


def note_step(
    update: Mapping[str, Any], state: State, write: Writer, *, now: datetime, fit: Mapping[str, float]
) -> None:
    """Put on the model's message of a step what the step took, and what it was chosen from.

    Args:
        update: What the step changes in the state.
        state: The state before it.
        write: The step's use of the model.
        now: When it ended.
        fit: How well tools fit, as judged by now; those that were judged in this step are kept.
    """
    message = next(each for each in update["messages"] if isinstance(each, AIMessage))
    before = state.get("fit", {})
    facts = {
        "at": now.isoformat(),
        "fit": {tool: value for tool, value in fit.items() if tool not in before},
        "ending": update.get("ending"),
        "memories": state.get("recalled") if state.get("memories") else None,
        # The first step of a run: those of the next run take the place of these in the state.
        "shortlist": state.get("scores") if isinstance(state["messages"][-1], HumanMessage) else None,
    }
    message.usage_metadata = write.usage
    message.response_metadata = write.facts | {name: value for name, value in facts.items() if value}
