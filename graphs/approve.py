"""The approve node: policy judges the final call; if a person must decide, the graph pauses here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from graphs.decisions import edited, record_decision
from graphs.dialects import answer_type, describe, parse_answer, request_for
from graphs.events import emit
from graphs.parts import Parts
from graphs.provenance import sources
from graphs.state import State, call_of, thread_of, to_state
from nexus.core.action import Call, digest_of
from nexus.core.approval import Approval, Question
from nexus.core.effect import Effect
from nexus.core.origin import origins
from nexus.core.policy import Allow, Ask, Deny
from nexus.core.tool import ToolSpec, unknown_tool
from nexus.errors import NexusError, NotFound


class Approve:
    """Decides whether the proposed call may go to execute."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """Judge the call in `state`; everything before the interrupt may run again without harm."""
        if not state.get("call"):
            return {"go": False}  # somebody jumped here from outside the graph
        call, question = call_of(state), state.get("question", "action")
        try:
            spec = self._parts.tools.get(call.tool)
        except NotFound as error:
            if question == "action":
                return _observation(call, f"Error: {error}", status="error") | _failed(state)
            # It was sent before its tool went away: the person has to know all the same.
            spec = unknown_tool(call.tool)
        if question == "action":
            match self._parts.policy.judge(spec):
                case Allow():
                    return {"go": True}
                case Deny(reason=reason):
                    return _observation(call, f"Not allowed: {reason}. Do something else.") | _failed(state)
                case Ask(reason=reason):
                    pass
        else:
            call, reason = call.next_attempt(), "nobody can know whether it happened"
        approval = await self._open(state, config, call=call, spec=spec, question=question, reason=reason)
        if approval.is_pending:
            approval = await self._ask(approval, spec)
        return await self._apply(state, approval, spec)

    async def _open(
        self,
        state: State,
        config: RunnableConfig,
        *,
        call: Call,
        spec: ToolSpec,
        question: Question,
        reason: str,
    ) -> Approval:
        """The question's row: made once, found again in every replay."""
        now = self._parts.clock.now()
        expires_at, version = now + self._parts.approval_ttl, self._parts.policy.version
        thread = thread_of(config)
        return await self._parts.approvals.ask(
            Approval(
                id=call.approval_id,
                thread=thread,
                call=call,
                question=question,
                digest=digest_of(call, spec, thread=thread, policy_version=version, expires_at=expires_at),
                reason=reason,
                policy_version=version,
                origins=origins(call.arguments, sources(state)),
                created_at=now,
                expires_at=expires_at,
            )
        )

    async def _ask(self, approval: Approval, spec: ToolSpec) -> Approval:
        """Pause for a person. On resume the row is the truth: an earlier decision stands."""

        def check_edit(arguments: Mapping[str, Any]) -> Approval:
            return edited(self._parts, approval, arguments)

        answer = interrupt(request_for(approval, spec), response_schema=answer_type(approval, check_edit))
        try:
            return await record_decision(
                self._parts, approval, parse_answer(answer, approval), actor="thread"
            )
        except NexusError:
            current = await self._parts.approvals.get(approval.id)
            if current.is_pending:
                raise
            return current

    async def _apply(self, state: State, approval: Approval, spec: ToolSpec) -> dict[str, Any]:
        """What the decision means for the run."""
        if approval.state == "edited" and approval.successor:
            approval = await self._parts.approvals.get(approval.successor)
        emit("decided", approval_id=approval.id, state=approval.state, by=approval.decided_by)
        if approval.state == "approved":
            return {"call": to_state(approval.call), "go": True, "question": "action"}
        if approval.question == "outcome":
            return await self._resolve(state, approval)
        return _declined(approval, describe(approval, spec))

    async def _resolve(self, state: State, approval: Approval) -> dict[str, Any]:
        """Write down what the person says about a call whose outcome was unknown."""
        call = call_of(state)
        if approval.state == "responded":
            text = f"The person says that it did happen: {approval.message}"
            await self._parts.ledger.resolve(call.key, Effect("done", text))
            return _observation(call, text)
        text = "It is not known whether this happened. The person gave up on it; do not try it again."
        await self._parts.ledger.resolve(call.key, Effect("unknown", text))
        return _observation(call, text)


def _declined(approval: Approval, question: str) -> dict[str, Any]:
    """A no. With a reason the model may try something else; without one the run ends."""
    call = approval.call
    match approval.state:
        case "responded":
            return _observation(call, f"The person answered instead: {approval.message}")
        case "rejected" if approval.message:
            return _observation(call, f"The person rejected this: {approval.message}", status="error")
        case _:
            why = "nobody decided in time" if approval.state == "expired" else "you said no"
            said = AIMessage(content=f"Not done, because {why}: {question.split('?', maxsplit=1)[0]}.")
            update = _observation(call, f"Not done: {approval.state}.", status="error")
            return update | {"messages": [*update["messages"], said], "ending": "rejected"}


def _observation(call: Call, text: str, *, status: str = "success") -> dict[str, Any]:
    """The update that ends the call with a message to the model."""
    message = ToolMessage(
        content=text,
        tool_call_id=call.proposed_id,
        name=call.tool,
        status="error" if status == "error" else "success",
    )
    return {"messages": [message], "call": None, "go": False, "question": "action"}


def _failed(state: State) -> dict[str, Any]:
    spent = state["spent"]
    return {"spent": {**spent, "failures": spent["failures"] + 1}}
