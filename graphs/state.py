"""What a thread remembers between two steps: plain values and messages, so that checkpoints stay strict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolCall
from langchain_core.runnables import RunnableConfig
from langgraph.graph.message import add_messages

from nexus.core.action import Call, CallId, ThreadId
from nexus.core.approval import Question
from nexus.core.budget import Spent

FIND_TOOLS = "find_tools"
"""The name under which the model asks for other tools."""


class CallState(TypedDict):
    """A `Call` as it is written into a checkpoint."""

    id: str
    tool: str
    arguments: dict[str, Any]
    attempt: int


class Input(TypedDict):
    """What a run starts with: the conversation, its last message from the person."""

    messages: Annotated[list[AnyMessage], add_messages]


class State(TypedDict):
    """The state of a thread.

    Attributes:
        messages: The conversation, as every chat UI of the ecosystem shows it.
        goal: The request that the current run serves.
        needs: Its steps, as far as it was split into such, in order.
        step_of: Which of them each tool serves best, as far as judged.
        sought: By the id of a call that looks something up for an argument: the tool whose argument it is.
        dates: The days and times that the goal names, and how they are written.
        earlier: How the model reads on in what was said before, if that stands in the prompt in short.
        recalled: The ids of the memories that matter for the goal.
        memories: Their texts, for the length of a step: they are read anew, and never written down here.
        shortlist: Tools found for the goal when the run began.
        found: Tools added later in the run by `find_tools`.
        scores: How well each of both was found to match, as the search says it; for people.
        search: What tool-select shall look for next; empty when there is nothing to look for.
        only_asks: True if the request is a question, so that nothing may be changed for it.
        fit: How probably each tool that was chosen in this run is made for the request, as far as judged.
        offered: The tool that the run ended on asking about, because the model was not sure of it.
        call: The call that was proposed and is not finished.
        question: What has to be asked about the call.
        go: True when the call may be handed to execute.
        spent: What this run has used of its budget.
        ending: Why the run ended; None while it goes on.
    """

    messages: Annotated[list[AnyMessage], add_messages]
    goal: str
    needs: list[str]
    step_of: dict[str, int]
    sought: dict[str, str]
    dates: list[tuple[str, str]]
    earlier: str
    recalled: list[str]
    memories: NotRequired[list[str]]
    shortlist: list[str]
    found: list[str]
    scores: dict[str, float]
    search: list[str]
    only_asks: bool
    fit: dict[str, float]
    offered: str | None
    call: CallState | None
    question: Question
    go: bool
    spent: Spent
    ending: Ending | None


Ending = Literal["answered", "asked", "rejected", "budget"]
"""answered: the model gave its answer; asked: it asked the user something; rejected: the person said no
without a reason, or in time; budget: a limit was hit."""


def call_of(state: State) -> Call:
    """The call the state is about."""
    call = state.get("call")
    if call is None:
        raise LookupError("there is no call in this state")
    return Call(
        id=CallId(call["id"]), tool=call["tool"], arguments=call["arguments"], attempt=call["attempt"]
    )


def thread_of(config: RunnableConfig) -> ThreadId:
    """The thread that a node runs in."""
    return ThreadId(config.get("configurable", {})["thread_id"])


def to_state(call: Call) -> CallState:
    """The call as it is written into a checkpoint."""
    return CallState(id=call.id, tool=call.tool, arguments=dict(call.arguments), attempt=call.attempt)


def current_run(messages: Sequence[AnyMessage]) -> Sequence[AnyMessage]:
    """The messages since the last human one, that one included."""
    for number in range(len(messages) - 1, -1, -1):
        if isinstance(messages[number], HumanMessage):
            return messages[number:]
    return messages


def proposed(state: State) -> list[ToolCall]:
    """Each call the model proposed in this run, searches included."""
    return [
        call
        for message in current_run(state["messages"])
        if isinstance(message, AIMessage)
        for call in message.tool_calls
    ]


def calls_made(state: State) -> list[tuple[str, dict[str, Any]]]:
    """Tool and arguments of each call the model proposed in this run, searches included."""
    return [(call["name"], call["args"]) for call in proposed(state)]
