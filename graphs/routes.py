"""Where the graph goes next. Pure functions of the state."""

from __future__ import annotations

from typing import Literal

from graphs.state import State


def after_tool_select(state: State) -> Literal["reason", "__end__"]:
    """Reason goes on, unless the run has ended."""
    return "__end__" if state.get("ending") else "reason"


def after_reason(state: State) -> Literal["approve", "tool-select", "__end__"]:
    """A proposed call is judged; a search is made; an answer or a question ends the run."""
    if state.get("ending"):
        return "__end__"
    return "approve" if state.get("call") else "tool-select"


def after_approve(state: State) -> Literal["execute", "approve", "tool-select", "__end__"]:
    """Only what may run goes to execute; what another question has to be asked about comes back."""
    if state.get("ending"):
        return "__end__"
    if state.get("go"):
        return "execute"
    return "approve" if state.get("call") else "tool-select"


def after_execute(state: State) -> Literal["approve", "tool-select"]:
    """An unknown outcome and a missing account are put to the person; all else is an observation."""
    return "approve" if state.get("call") else "tool-select"
