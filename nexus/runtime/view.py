"""What an outsider sees of a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from nexus.core.approval import Approval
from nexus.runtime.standing import Status, explained


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a thread's story.

    Attributes:
        kind: What it is.
        text: What was said, or what came back.
        tool: The tool, for a call and its result.
        arguments: What the call was proposed with.
        ok: False for a result that is an error.
        tries: How often a call was sent, for its result.
    """

    kind: Literal["user", "agent", "call", "result"]
    text: str
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    ok: bool = True
    tries: int = 1


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
    def explanation(self) -> str:
        """Where it stands, in words for whoever asked."""
        return explained(self.status, self.ending, self.approvals, has_begun=bool(self.steps))

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
                ok, facts = message.status == "success", message.artifact or {}
                steps.append(Step("result", message.text, message.name, ok=ok, tries=facts.get("tries", 1)))
            case _:
                pass
    return steps
