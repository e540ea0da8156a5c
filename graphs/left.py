"""What is left to do: once something was done, another tool acts only if the request still asks for it.

A small model goes on when all is done: it comments on the issue that it has just opened, and updates it.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import ToolMessage

from graphs.events import emit
from graphs.prompting import shots, tool_line
from graphs.state import State, current_run, proposed
from graphs.writing import Writer
from nexus.core.tool import ToolSpec
from nexus.core.words import brief
from nexus.ports.model import ChatMessage

LEFT = 0.41
"""P(yes) from which on a tool does what is left. Of 16 tools that were still needed for requests of two to
four steps none was below (1.5B); 54 of 69 that were not needed were (`tests/bench/left.py`)."""

_VALUE = 60  # characters of an argument in what is said to be done


async def is_left(write: Writer, state: State, spec: ToolSpec, acted: Sequence[str]) -> bool:
    """True if `spec` does something that the request asks for and that was not done yet.

    Nobody is asked about a tool that has acted already: another call of it is a repetition, or the next of
    many. True where the engine gives no probabilities.

    Args:
        write: Asks the model.
        state: The run.
        spec: A tool that acts.
        acted: The tools that have acted in this run, with success.
    """
    if not acted or spec.slug in acted:
        return True
    done = "; ".join(_done(state, acted))
    asked = f"Request: {state['goal']}\nDone: {done}\nTool: {tool_line(spec).removeprefix('- ')}"
    left = await write.probability_of_yes([*shots("left"), ChatMessage("user", asked)])
    if left is None or left >= LEFT:
        return True
    told = f"{spec.title} is not needed any more ({left:.0%} sure that it is)."
    emit("thought", text=told, tool=spec.slug, fit=round(left, 3))
    return False


def _done(state: State, acted: Sequence[str]) -> list[str]:
    """Each call that acted, with the values it was given."""
    done = {
        message.tool_call_id
        for message in current_run(state["messages"])
        if isinstance(message, ToolMessage) and message.status == "success" and message.name in acted
    }
    return [
        f"{call['name']}({', '.join(brief(str(value), _VALUE) for value in call['args'].values())})"
        for call in proposed(state)
        if call["id"] in done
    ]
