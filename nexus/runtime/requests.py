"""What a client asks a run for, and what it may not ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langgraph.graph import END

from graphs.dialects import parse_answer
from nexus.core.approval import Approval
from nexus.errors import Conflict, InvalidInput, NotFound
from nexus.ports.approvals import Alongside
from nexus.ports.runs import Strategy
from nexus.ports.threads import Thread
from nexus.runtime.graphs import Graph
from nexus.runtime.runner import Runner, check_request

_INTERRUPT_ID = re.compile(r"[0-9a-f]{32}")

_OURS = re.compile(r"__pregel|checkpoint_|langgraph_|thread_id$|run_id$|assistant_id$|graph_id$")
"""Keys of `configurable` that say where a run goes on and who asks: the server's own."""

_ROLES = {"user", "human"}

RESOLVED = "Marked as resolved."
"""The comment of a no, where a client has no words of the person's."""

_TO_THE_END = {"goto": END}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run as a client asks for it.

    Attributes:
        checkpoint: Where in the thread's past it begins; None: where the thread is.
        modes: What is told, of `nexus.runtime.execution.STREAM_MODES`.
        is_resumable: Whether what it tells is kept.
        is_strict: Whether an answer to what is not asked is an error.
        is_temporary: Whether the thread ends with the run.
        webhook: The id of the endpoint that is told of its end.
    """

    assistant: str
    input: Any = None
    command: Mapping[str, Any] | None = None
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    context: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    checkpoint: Mapping[str, Any] | None = None
    interrupt_before: Sequence[str] | str | None = None
    interrupt_after: Sequence[str] | str | None = None
    modes: Sequence[str] = ("values",)
    subgraphs: bool = False
    is_resumable: bool = False
    is_strict: bool = False
    is_temporary: bool = False
    strategy: Strategy = "enqueue"
    after_seconds: float = 0.0
    webhook: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What the run needs to know when it begins, as it is written down."""
        facts = {
            "input": self.input,
            "command": self.command,
            "config": self.config,
            "context": self.context,
            "checkpoint": self.checkpoint,
            "interrupt_before": self.interrupt_before,
            "interrupt_after": self.interrupt_after,
            "stream_mode": list(self.modes),
            "stream_subgraphs": self.subgraphs,
            "stream_resumable": self.is_resumable,
            "temporary": self.is_temporary,
            "webhook": self.webhook,
        }
        return {name: value for name, value in facts.items() if value not in (None, {}, False)}


def check_config(config: Mapping[str, Any]) -> None:
    """Make sure the client chooses nothing that is the server's to choose. Raises InvalidInput."""
    for name in config.get("configurable") or {}:
        if _OURS.match(name):
            raise InvalidInput(
                "the server sets this itself",
                field=f"config.configurable.{name}",
                remedy="Name the thread in the path and the place in its past as `checkpoint`.",
            )


def with_no_for_the_end(wanted: Wanted) -> Wanted:
    """For Nexus's own graph: to go to the end is a no to what it asks, as agent-chat-ui resolves a thread.

    Without a reason, which would go to the model and let it go on: so the thread ends there.
    """
    if wanted.command != _TO_THE_END:
        return wanted
    return replace(wanted, command={"resume": {"type": "reject", "comment": RESOLVED}})


def check_command(command: Mapping[str, Any] | None) -> None:
    """For Nexus's own graph: nobody writes into its state from outside. Raises InvalidInput."""
    if command == _TO_THE_END:
        return
    for name in ("update", "goto"):
        if (command or {}).get(name) is not None:
            raise InvalidInput(
                "it could step around an approval",
                field=f"command.{name}",
                remedy="Send a message as input, or an answer as command.resume.",
            )
    if command and "resume" not in command:
        raise InvalidInput(
            "it says nothing", field="command", remedy="Leave it out, or send an answer as command.resume."
        )


def check_labels(thread: Thread, metadata: Mapping[str, Any]) -> None:
    """Make sure the thread stays its graph's: that says who may write into its state. Raises InvalidInput."""
    own = thread.metadata.get("graph_id")
    if metadata.get("graph_id", own) != own:
        raise InvalidInput(
            "the server sets this itself",
            field="metadata.graph_id",
            remedy="Make another thread for another graph.",
        )


def check_writable(graph: Graph, what: str) -> None:
    """Make sure the graph's state may be written from outside. Raises InvalidInput."""
    if graph.asks_first:
        raise InvalidInput(
            "the state of this graph is not written from outside: it could step around an approval",
            field=what,
            remedy="Start a run with a message, or decide on its approval.",
        )


def text_of(given: Any) -> str:
    """The one new request in a graph's input.

    Raises:
        InvalidInput: There is none, or there is more than the person's own words.
    """
    messages = given.get("messages") if isinstance(given, dict) and set(given) <= {"messages"} else None
    messages = [messages] if isinstance(messages, dict | str) else messages
    if not isinstance(messages, list) or not messages:
        raise InvalidInput(
            "it must hold the new message and nothing else",
            field="input",
            remedy='Send {"messages": [{"role": "user", "content": "…"}]}.',
        )
    if len(messages) > 1:
        raise InvalidInput("one new message at a time", field="input.messages", remedy="Send the last one.")
    return check_request(_text(messages[0]))


def _text(message: Any) -> str:
    if isinstance(message, str):
        return message
    role = message.get("role", message.get("type")) if isinstance(message, dict) else None
    if role not in _ROLES:
        raise InvalidInput("only the user's own messages come in", field="input.messages.0.role")
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        texts = [part for part in parts if isinstance(part, str)]
        content = "\n".join(texts) if len(texts) == len(parts) else None
    if not isinstance(content, str):
        raise InvalidInput("only text is understood", field="input.messages.0.content")
    return content


def is_answer(wanted: Wanted) -> bool:
    """True if a person's answer comes with the run."""
    return "resume" in (wanted.command or {})


async def take_answer(
    runner: Runner, thread_id: str, answer: Any, *, actor: str, alongside: Alongside | None = None
) -> None:
    """Record the decision in an answer: by position or under the interrupt's id; all of it is checked first.

    The run `alongside`, that carries it out, is written in the same transaction.

    Raises:
        Conflict: The thread waits for no decision.
        NotFound: It waits for another than the one that is named.
        DecisionInvalid and the like: It is no acceptable answer. Nothing was changed.
    """
    asked = await runner.questions(thread_id)
    if not asked:
        raise Conflict(f"Thread {thread_id} waits for no decision.", remedy="Somebody may have been first.")
    approval, answer = _addressed(asked, answer)
    await runner.decide(approval.id, parse_answer(answer, approval), actor=actor, alongside=alongside)


def _addressed(asked: Mapping[str, Approval], answer: Any) -> tuple[Approval, Any]:
    if isinstance(answer, dict) and answer and all(_INTERRUPT_ID.fullmatch(str(key)) for key in answer):
        if unknown := set(answer) - set(asked):
            raise NotFound(f"No question {min(unknown)!r} is open.", remedy="Look at the thread's state.")
        answers = {asked[key].id: (asked[key], value) for key, value in answer.items()}
    else:
        answers = {approval.id: (approval, answer) for approval in asked.values()}
    if len(answers) != 1:
        raise Conflict("Several questions are open.", remedy="Answer one, under the id of its interrupt.")
    return next(iter(answers.values()))
