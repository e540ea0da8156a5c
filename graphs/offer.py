"""Asking instead of acting: a tool of which the model is not sure is offered to the user in words."""

from __future__ import annotations

from langchain_core.messages import AIMessage

from graphs.fit import FITS, Gate
from graphs.parts import Parts
from graphs.prompting import prompt_file
from graphs.state import State
from nexus.core.tool import ToolSpec
from nexus.ports.model import ChatMessage

UNSURE = 1 - FITS
"""P(yes) from which a tool that does not fit is worth a question: below, the model is as sure of its no as a
yes has to be."""

AGREED = 0.5
"""P(yes) from which the user's reply counts as a yes: more likely than not. What it allows still asks."""


def to_offer(gate: Gate) -> str | None:
    """The refused tool that the model is least sure about, if none fits and it may be the right one."""
    if gate.passed:
        return None
    nearest = max(gate.refused, key=gate.judged.__getitem__, default=None)
    return nearest if nearest is not None and gate.judged[nearest] >= UNSURE else None


def question_about(spec: ToolSpec) -> str:
    """The words in which the tool is offered."""
    return f"I am not sure that I have the right tool for this. The nearest is: {spec.title}. Shall I use it?"


async def reply_to_offer(parts: Parts, state: State, reply: str) -> dict[str, float]:
    """How sure it is now that the offered tool fits: certain, or certainly not. Empty if none was offered."""
    tool = state.get("offered")
    if not tool or state.get("ending") != "asked":
        return {}
    asked = [message.text for message in state["messages"] if isinstance(message, AIMessage)]
    prompt = prompt_file("agreed").substitute(question=asked[-1] if asked else "", answer=reply)
    agreed = await parts.model.probability_of_yes([ChatMessage("user", prompt)])
    return {tool: 1.0 if agreed is not None and agreed >= AGREED else 0.0}
