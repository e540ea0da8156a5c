"""The texts of a thread that a value may have been taken from."""

from __future__ import annotations

from langchain_core.messages import HumanMessage, ToolMessage

from graphs.recall import sources_of
from graphs.state import FIND_TOOLS, State
from nexus.core.origin import Source


def sources(state: State) -> list[Source]:
    """The user's own words and the days they mean, then memories, then what tools returned, each named."""
    messages = state.get("messages", [])
    said = [Source("user", message.text) for message in messages if isinstance(message, HumanMessage)]
    read = [
        Source(f"tool:{message.name}", message.text)
        for message in messages
        if isinstance(message, ToolMessage) and message.name and message.name != FIND_TOOLS
    ]
    meant = [Source("user", moment) for _, moment in state.get("dates", [])]
    return [*said, *meant, *sources_of(state), *read]
