"""A thread as it came about: each request with what it was served from, step by step.

It is put together from what is kept anyway: the messages (on which each step of the model leaves what it
took, `graphs/recording.py`), the approvals and the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, cast

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from graphs.state import FIND_TOOLS
from nexus.core.action import proposal_in
from nexus.core.approval import Approval
from nexus.core.audit import AuditEvent

StepKind = Literal["search", "call", "said"]
"""search: the model looks for other tools; call: a tool with its arguments; said: an answer or a question."""


@dataclass(frozen=True, slots=True)
class Took:
    """What a step of the model took, as far as it was kept.

    Attributes:
        model: Which one; empty if no model was asked.
        prompt: Tokens of its prompts, those reused from the cache among them.
        cached: How many of those were reused.
        written: Tokens that it wrote.
        seconds: Wall time.
        at: When it ended.
    """

    model: str = ""
    prompt: int = 0
    cached: int = 0
    written: int = 0
    seconds: float = 0.0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tool that was found for a request: how well it matched (0 to 1), and how sure the model was of it."""

    tool: str
    score: float
    fit: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came back from a call, or why it was not made.

    Attributes:
        outcome: How the attempt ended; None where Nexus or a person answered in the tool's place.
        seconds: How long the call took; None if it never left, or was not timed.
    """

    text: str
    ok: bool
    outcome: str | None = None
    reference: str | None = None
    tries: int = 1
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """One step of the model, and what became of it.

    Attributes:
        text: What was said, for `said`.
        tool: The tool, for the others.
        arguments: What the model proposed; for a search, the query.
        fits: How sure the model was of each tool that it judged in this step.
        corrections: What was wrong with arguments before these, and mended by the model.
        result: None while there is none.
        approvals: What people were asked about the call, the first question first.
        events: What the audit log has on the call, in order.
    """

    kind: StepKind
    text: str = ""
    tool: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    fits: Mapping[str, float] = field(default_factory=dict[str, float])
    corrections: Sequence[Mapping[str, str]] = ()
    took: Took = Took()
    result: Result | None = None
    approvals: Sequence[Approval] = ()
    events: Sequence[AuditEvent] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of the person, and how it was served.

    Attributes:
        request: What the person said.
        goal: What is served: with what was said before, if the agent had asked something.
        candidates: The tools that were found for it, the best first.
        failures: When, and by which error, runs of it broke off.
        memories: The ids of the memories that the model was shown for it.
        ending: How it ended, as far as the last step says so.
    """

    request: str
    goal: str
    candidates: Sequence[Candidate]
    steps: Sequence[TimelineStep]
    failures: Sequence[AuditEvent] = ()
    ending: str | None = None
    memories: Sequence[str] = ()

    @property
    def tokens(self) -> int:
        """Tokens that the model read anew or wrote."""
        return sum(each.took.prompt - each.took.cached + each.took.written for each in self.steps)

    @property
    def seconds(self) -> float:
        """Seconds that the model and the tools took."""
        made = sum(each.result.seconds or 0.0 for each in self.steps if each.result)
        return sum(each.took.seconds for each in self.steps) + made


def timeline_of(
    messages: Sequence[AnyMessage],
    approvals: Sequence[Approval] = (),
    events: Sequence[AuditEvent] = (),
    *,
    scores: Mapping[str, float] | None = None,
    fit: Mapping[str, float] | None = None,
) -> list[Turn]:
    """The requests of a thread in order.

    Args:
        messages: What its state holds.
        approvals: All that were asked in it.
        events: The audit log's on it.
        scores: Those of the state: what the last request has found, if no step has told yet.
        fit: Likewise, how sure the model is of tools.
    """
    parts = _turns(messages)
    turns: list[Turn] = []
    for number, (first, *rest) in enumerate(parts, 1):
        now = (scores or {}, fit or {}) if number == len(parts) else ({}, {})
        said = turns[-1].goal if turns and turns[-1].ending == "asked" else ""
        facts = [_facts(each) for each in rest if isinstance(each, AIMessage)]
        steps = _steps(rest, approvals, events)
        fits = {tool: value for each in steps for tool, value in each.fits.items()} | dict(now[1])
        found = next((each["shortlist"] for each in facts if each.get("shortlist")), now[0])
        turns.append(
            Turn(
                request=first.text,
                goal=f"{said}\n{first.text}" if said else first.text,
                candidates=[Candidate(tool, score, fits.get(tool)) for tool, score in found.items()],
                steps=steps,
                ending=facts[-1].get("ending") if facts else None,
                memories=next((each["memories"] for each in facts if each.get("memories")), ()),
            )
        )
    failed = [(_turn_at(turns, event.at), event) for event in events if event.kind == "run.failed"]
    return [
        replace(turn, failures=[event for at, event in failed if at == number])
        for number, turn in enumerate(turns)
    ]


def _turns(messages: Sequence[AnyMessage]) -> list[list[AnyMessage]]:
    """The messages, cut before each of the person's."""
    found: list[list[AnyMessage]] = []
    for message in messages:
        if isinstance(message, HumanMessage):
            found.append([message])
        elif found:
            found[-1].append(message)
    return found


def _steps(
    messages: Sequence[AnyMessage], approvals: Sequence[Approval], events: Sequence[AuditEvent]
) -> list[TimelineStep]:
    results = {each.tool_call_id: each for each in messages if isinstance(each, ToolMessage)}
    steps: list[TimelineStep] = []
    for message in messages:
        if not isinstance(message, AIMessage):
            continue
        facts = _facts(message)
        call = message.tool_calls[0] if message.tool_calls else None
        number = (call["id"] or "") if call else ""
        steps.append(
            TimelineStep(
                kind="said" if call is None else "search" if call["name"] == FIND_TOOLS else "call",
                text=message.text,
                tool=call["name"] if call else None,
                arguments=call["args"] if call else {},
                fits=facts.get("fit", {}),
                corrections=facts.get("corrections", ()),
                took=_took(message, facts),
                result=_result(results.get(number)),
                approvals=[each for each in approvals if number and each.call.proposed_id == number],
                events=[
                    each for each in events if number and proposal_in(each.data.get("call", "")) == number
                ],
            )
        )
    return steps


def _facts(message: AIMessage) -> dict[str, Any]:
    return cast("dict[str, Any]", message.response_metadata)


def _took(message: AIMessage, facts: Mapping[str, Any]) -> Took:
    usage = message.usage_metadata
    if usage is None:
        return Took()
    return Took(
        model=facts.get("model_name", ""),
        prompt=usage["input_tokens"],
        cached=usage.get("input_token_details", {}).get("cache_read", 0),
        written=usage["output_tokens"],
        seconds=facts.get("seconds", 0.0),
        at=datetime.fromisoformat(facts["at"]) if "at" in facts else None,
    )


def _result(message: ToolMessage | None) -> Result | None:
    if message is None:
        return None
    facts: Mapping[str, Any] = message.artifact if isinstance(message.artifact, dict) else {}
    return Result(
        message.text,
        message.status == "success",
        facts.get("outcome"),
        facts.get("reference"),
        facts.get("tries", 1),
        facts.get("seconds"),
    )


def _turn_at(turns: Sequence[Turn], at: datetime) -> int:
    """Which turn was served at that time; one without any step is after all that have some."""
    for number in range(len(turns) - 1, 0, -1):
        before = [step.took.at for step in turns[number - 1].steps if step.took.at]
        if before and at >= before[-1]:
            return number
        own = [step.took.at for step in turns[number].steps if step.took.at]
        if own and at >= own[0]:
            return number
    return 0
