"""A long conversation in short: what was asked before, what was done for it, and the ids that came of it.

The last messages stand in the prompt as they were said. What is older becomes a line for each request, made
without a model, so that no id or address in it is invented; all of it is kept for reading on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from graphs.parts import Parts
from graphs.shortening import Earlier, Observation
from graphs.state import State, current_run
from nexus.core.action import ThreadId
from nexus.core.candidates import candidates
from nexus.core.memory import content_words
from nexus.core.origin import Source
from nexus.core.words import brief
from nexus.errors import NexusError

SAID = 6
"""Messages of earlier runs that the model is shown as they were said."""

OUTLINE = 2_000
"""Characters of the lines about what is older, at most: 500 tokens."""

_REQUEST, _ARGUMENTS, _RESULT, _ANSWER = 100, 120, 120, 160
_VALUES = 24  # ids, addresses and links of a result that its line names
_TOOL = "conversation"

_log = logging.getLogger(__name__)


def earlier_in(state: State) -> list[Earlier | Observation]:
    """What was said in earlier runs of the thread: the oldest in short, the last messages as they were."""
    messages = before_now(state)
    said = [message for message in messages if _is_said(message)]
    recent = [
        Earlier("user" if isinstance(message, HumanMessage) else "assistant", message.text)
        for message in said[-SAID:]
    ]
    older = messages[: messages.index(said[-SAID])] if len(said) > SAID else []
    text = outline(older, state.get("goal", ""))
    if not text:
        return [*recent]
    note = state.get("earlier", "")
    content = f"Earlier in this conversation, the latest first{f' ({note})' if note else ''}:\n{text}"
    return [Observation("user", content, result=text, shown=text), *recent]


def before_now(state: State) -> Sequence[AnyMessage]:
    """The messages of the runs before the current one."""
    messages = state.get("messages", [])
    return messages[: len(messages) - len(current_run(messages))]


def outline(messages: Sequence[AnyMessage], goal: str) -> str:
    """A line for each request, the latest first; without room, those go that the goal is not about."""
    lines = [_line(run) for run in _runs(messages)]
    asked = content_words(goal)
    by_worth = sorted(
        range(len(lines)), key=lambda at: (len(asked & content_words(lines[at])), at), reverse=True
    )
    kept, length = set[int](), 0
    for at in by_worth:
        if length + len(lines[at]) <= OUTLINE:
            kept.add(at)
            length += len(lines[at])
    return "\n".join(lines[at] for at in sorted(kept, reverse=True))


async def keep_earlier(parts: Parts, state: State, thread: ThreadId) -> str:
    """Keep whole what the prompt has in short; how the model reads on in it, empty if nothing is cut."""
    messages = before_now(state)
    if parts.results is None or sum(map(_is_said, messages)) <= SAID:
        return ""
    call = f"{thread}.{_TOOL}.{len(messages)}"
    try:
        kept = await parts.results.keep(_story(messages), thread=thread, call=call, tool=_TOOL)
    except NexusError as error:
        _log.warning("what was said earlier in %s cannot be read on: %s", thread, error)
        return ""
    return kept.how_to_read


def _runs(messages: Sequence[AnyMessage]) -> list[list[AnyMessage]]:
    runs: list[list[AnyMessage]] = []
    for message in messages:
        if isinstance(message, HumanMessage) or not runs:
            runs.append([])
        runs[-1].append(message)
    return runs


def _line(run: Sequence[AnyMessage]) -> str:
    """What was asked, each call with what came of it, and the answer."""
    parts: list[str] = []
    for message in run:
        match message:
            case HumanMessage():
                parts.append(brief(message.text, _REQUEST))
            case AIMessage(tool_calls=[call, *_]):
                arguments = json.dumps(call["args"], ensure_ascii=False)[1:-1]
                parts.append(f"{call['name']}({brief(arguments, _ARGUMENTS)})")
            case AIMessage() if message.text:
                parts.append(f"said: {brief(message.text, _ANSWER)}")
            case ToolMessage():
                parts.append(f"{brief(message.text, _RESULT)}{_values(message)}")
            case _:
                pass
    return f"- {' -> '.join(parts)}"


def _values(message: ToolMessage) -> str:
    """The ids, addresses and links of a result, as far as its beginning does not have them."""
    shown = brief(message.text, _RESULT)
    found = dict.fromkeys(each.value for each in candidates([Source("tool", message.text)]))
    left = [value for value in found if value not in shown][:_VALUES]
    return f" [{', '.join(left)}]" if left else ""


def _story(messages: Sequence[AnyMessage]) -> str:
    """Everything, message by message."""
    told: list[str] = []
    for message in messages:
        match message:
            case AIMessage(tool_calls=[call, *_]):
                told.append(f"Called {call['name']} with {json.dumps(call['args'], ensure_ascii=False)}")
            case ToolMessage():
                told.append(f"Result of {message.name}: {message.text}")
            case _:
                who = "The person" if isinstance(message, HumanMessage) else "You"
                told.append(f"{who}: {message.text}")
    return "\n".join(told)


def _is_said(message: AnyMessage) -> bool:
    is_answer = isinstance(message, AIMessage) and not message.tool_calls
    return bool(message.text) and (isinstance(message, HumanMessage) or is_answer)
