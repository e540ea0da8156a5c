"""What an outsider sees of a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from nexus.core.approval import Approval

Status = Literal["idle", "running", "waiting", "unfinished"]
"""idle: nothing to do; running: a run is under way; waiting: a person must decide; unfinished: a run was cut
off, or was decided on and not continued: resume it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a thread's story.

    Attributes:
        kind: What it is.
        text: What was said, or what came back.
        tool: The tool, for a call and its result.
        arguments: What the call was proposed with.
        ok: False for a result that is an error.
    """

    kind: Literal["user", "agent", "call", "result"]
    text: str
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    ok: bool = True


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A thread as it stands."""

    id: str
    title: str
    status: Status
    ending: str | None
    steps: Sequence[Step]
    approvals: Sequence[Approval]
    created_at: datetime
    updated_at: datetime

    @property
    def answer(self) -> str:
        """The last thing the agent said, if the run has ended."""
        last = self.steps[-1] if self.steps else None
        return last.text if last and last.kind == "agent" else ""


def steps_of(messages: Sequence[AnyMessage]) -> list[Step]:
    """The story in a thread's messages."""
    steps: list[Step] = []
    for message in messages:
        match message:
            case HumanMessage():
                steps.append(Step("user", message.text))
            case AIMessage(tool_calls=[call, *_]):
                steps.append(Step("call", message.text, tool=call["name"], arguments=call["args"]))
            case AIMessage():
                steps.append(Step("agent", message.text))
            case ToolMessage():
                steps.append(Step("result", message.text, tool=message.name, ok=message.status == "success"))
            case _:
                pass
    return steps
