"""The same call twice in a run: when that is worth a try, and when it is a loop."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, ToolMessage

from graphs.state import State, current_run
from nexus.core.canonical import sha256

_TRIES = 2
"""How often a run makes the very same call at most, whatever came of it."""


def is_repetition(state: State, tool: str, arguments: dict[str, Any]) -> bool:
    """True if this run has made this very call, and nothing says that it would end differently now.

    A call that failed without an effect (the other side was busy) may be tried once more; so may one that
    was refused for its arguments, but only after something else has succeeded since.
    """
    this = sha256({"tool": tool, "arguments": arguments})
    made, is_this, is_worth_a_try, was_refused = 0, False, True, False
    for message in current_run(state["messages"]):
        if isinstance(message, AIMessage) and message.tool_calls:
            call = message.tool_calls[0]
            is_this = sha256({"tool": call["name"], "arguments": call["args"]}) == this
            if is_this:
                made, is_worth_a_try, was_refused = made + 1, False, False
        elif isinstance(message, ToolMessage) and made:
            outcome = _outcome(message)
            if is_this:
                is_worth_a_try, was_refused = outcome == "failed", outcome == "invalid"
            elif was_refused and outcome == "done":
                is_worth_a_try = True
    return made > 0 and not (is_worth_a_try and made < _TRIES)


def _outcome(message: ToolMessage) -> str | None:
    return message.artifact.get("outcome") if isinstance(message.artifact, dict) else None
