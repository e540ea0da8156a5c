"""The approve node: policy judges the final call; if a person must decide, the graph pauses here.

Which question is asked stands in the state before the node that asks it begins. So an answer is never taken
for that to another question, whatever changed between the two.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import interrupt

from graphs.accounts import looked_up_again, missing
from graphs.decisions import edited, record_decision
from graphs.dialects import answer_type, parse_answer, request_for
from graphs.events import emit
from graphs.judging import judged, policy_of
from graphs.parts import Parts
from graphs.provenance import sources
from graphs.recall import with_memories
from graphs.state import State, call_of, thread_of, to_state
from nexus.core.action import Call, ThreadId, digest_of
from nexus.core.approval import Approval, Question
from nexus.core.audit import AuditEntry
from nexus.core.defaults import told_defaults
from nexus.core.display import visible
from nexus.core.effect import Effect
from nexus.core.origin import origins
from nexus.core.policy import Ask, Deny
from nexus.core.tool import ToolSpec, unknown_tool
from nexus.errors import Conflict, NexusError, NotFound

_log = logging.getLogger(__name__)

_SHOWN = 300  # characters of what is known of a call whose outcome is not


class Approve:
    """Decides whether the proposed call may go to execute."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """Judge the call in `state`; everything before the interrupt may run again without harm."""
        if not state.get("call"):
            return {"go": False}  # somebody jumped here from outside the graph
        state = await with_memories(self._parts, state)
        call, question = call_of(state), state.get("question", "action")
        try:
            spec = await self._spec(call.tool, question)
        except NotFound as error:
            if question != "outcome":
                return _observation(call, f"Error: {error}", status="error") | _failed(state)
            # It was sent before its tool went away: the person has to know all the same.
            spec = unknown_tool(call.tool)
        if question != "action":
            call, asked = call.next_attempt(), Ask(await self._why(call, question, spec))
        else:
            said = await self._judge(state, config, call, spec)
            if not isinstance(said, Ask):
                return said
            asked = said
        approval = await self._open(state, config, call=call, spec=spec, question=question, asked=asked)
        if approval.is_pending:
            approval = await self._ask(approval, spec)
        return await self._apply(state, approval, spec)

    async def _judge(
        self, state: State, config: RunnableConfig, call: Call, spec: ToolSpec
    ) -> Ask | dict[str, Any]:
        """What policy says to a proposed call: a person decides, or where the run goes instead."""
        verdict = await judged(self._parts, state, call, spec, thread=thread_of(config))
        if isinstance(verdict, Deny):
            await self._note_denied(call, verdict, thread_of(config))
            return _observation(call, f"Not allowed: {verdict.reason}. Do something else.") | _failed(state)
        was_asked = await self._was_asked(call)
        if not spec.can_act and not was_asked:
            return {"go": False, "question": "connect"}
        if isinstance(verdict, Ask):
            return verdict
        # Whoever was asked has the last word, though by now the call would not need one.
        return Ask("it was asked before") if was_asked else {"go": True}

    async def _note_denied(self, call: Call, verdict: Deny, thread: ThreadId) -> None:
        """Put a call that a rule forbids into the log, once however often this runs."""
        if self._parts.audit is None:
            return
        facts = {"call": call.key, "tool": call.tool}
        proposal = AuditEntry("proposal", thread, None, {**facts, "arguments": dict(call.arguments)})
        await self._parts.audit.append(proposal, once=f"proposal {call.key}")
        facts |= {"verdict": "deny", "reason": verdict.reason}
        await self._parts.audit.append(AuditEntry("verdict", thread, None, facts), once=f"verdict {call.key}")

    async def _spec(self, slug: str, question: Question) -> ToolSpec:
        """The tool as it is now; its account is looked up where that is the question. Raises NotFound."""
        spec = self._parts.tools.get(slug)
        if question != "connect" and spec.can_act:
            return spec
        try:
            return await looked_up_again(self._parts, slug)
        except NotFound:
            raise
        except NexusError as error:
            # The person can be asked all the same, and can say no.
            _log.warning("the accounts are those last seen: %s", error)
            return spec

    async def _why(self, call: Call, question: Question, spec: ToolSpec) -> str:
        """Why a person is asked about a call that policy has nothing to say about."""
        if question == "connect":
            return f"it needs a {spec.toolkit} account, and none of yours is active"
        effect = await self._parts.ledger.get(call.key)
        known = visible(effect.text, limit=_SHOWN).rstrip(".") if effect else ""
        return "nobody can know whether it happened" + (f" ({known})" if known else "")

    async def _was_asked(self, call: Call) -> bool:
        """True if a person was asked whether the call may run; that question is theirs to answer then."""
        try:
            known = await self._parts.approvals.get(call.approval_id)
        except NotFound:
            return False
        return known.id == call.approval_id and known.question == "action"

    async def _open(
        self,
        state: State,
        config: RunnableConfig,
        *,
        call: Call,
        spec: ToolSpec,
        question: Question,
        asked: Ask,
    ) -> Approval:
        """The question's row: made once, found again in every replay.

        A fork may come to an attempt about which something else was asked; it takes the next one.
        """
        while True:
            row = await self._row(state, config, call=call, spec=spec, question=question, asked=asked)
            approval = await self._parts.approvals.ask(row)
            if approval.question == question:
                return approval
            call = call.next_attempt()

    async def _row(
        self,
        state: State,
        config: RunnableConfig,
        *,
        call: Call,
        spec: ToolSpec,
        question: Question,
        asked: Ask,
    ) -> Approval:
        """The question as it is written down."""
        now = self._parts.clock.now()
        expires_at = now + (asked.wait or self._parts.approval_ttl)
        version, thread = (await policy_of(self._parts)).version, thread_of(config)
        return Approval(
            id=call.approval_id,
            thread=thread,
            call=call,
            question=question,
            digest=digest_of(call, spec, thread=thread, policy_version=version, expires_at=expires_at),
            reason=asked.reason,
            approvers=asked.approvers,
            approvals=asked.approvals,
            reminding=asked.reminding or self._parts.reminding,
            policy_version=version,
            origins=told_defaults(spec.parameters, call.arguments, origins(call.arguments, sources(state))),
            created_at=now,
            expires_at=expires_at,
            toolkit=spec.toolkit if question == "connect" else None,
        )

    async def _ask(self, approval: Approval, spec: ToolSpec) -> Approval:
        """Pause for a person. On resume the row is the truth: an earlier decision stands."""
        policy = await policy_of(self._parts)

        def check_edit(arguments: Mapping[str, Any]) -> Approval:
            return edited(self._parts, policy, approval, arguments)

        def check_yes() -> None:
            if approval.question == "connect" and not spec.can_act:
                raise Conflict(missing(spec.toolkit))

        wanted = answer_type(approval, check_edit, check_yes, user=self._parts.user)
        answer = interrupt(request_for(approval, spec), response_schema=wanted)
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
            if approval.question == "connect":
                # The call itself is judged next, with the account in its digest, as an attempt of its own.
                return {"call": to_state(approval.call.next_attempt()), "go": False, "question": "action"}
            return {"call": to_state(approval.call), "go": True, "question": "action"}
        if approval.question == "outcome":
            return await self._resolve(state, approval, spec)
        return _declined(approval, spec)

    async def _resolve(self, state: State, approval: Approval, spec: ToolSpec) -> dict[str, Any]:
        """Write down what the person says about a call whose outcome was unknown.

        Whoever gives up on it without a reason ends the run, as every no without one does.
        """
        call = call_of(state)
        if approval.state == "responded":
            text = f"The person says that it did happen: {approval.message}"
            await self._parts.ledger.resolve(call.key, Effect("done", text))
            return _observation(call, text)
        why = f": {approval.message}" if approval.message else ""
        text = f"It is not known whether this happened. The person gave up on it{why}; do not try it again."
        await self._parts.ledger.resolve(call.key, Effect("unknown", text))
        if approval.state == "rejected" and not approval.message:
            said = f"It is not known whether this happened, and you gave up on it: {spec.title}."
            return _ended(call, text, said)
        return _observation(call, text)


def _declined(approval: Approval, spec: ToolSpec) -> dict[str, Any]:
    """A no. With a reason the model may try something else; without one the run ends."""
    call = approval.call
    match approval.state:
        case "responded":
            return _observation(call, f"The person answered instead: {approval.message}")
        case "rejected" if approval.message:
            return _observation(call, f"The person rejected this: {approval.message}", status="error")
        case _:
            why = "nobody decided in time" if approval.state == "expired" else "you said no"
            what = f"{spec.title} (it needs a {approval.toolkit} account)" if approval.toolkit else spec.title
            said = f"Not done, because {why}: {what}."
            return _ended(call, f"Not done: {approval.state}.", said, status="error")


def _ended(call: Call, text: str, said: str, *, status: str = "success") -> dict[str, Any]:
    """The update that ends the call, and the run with it: the person is told what was `said`."""
    update = _observation(call, text, status=status)
    return update | {"messages": [*update["messages"], AIMessage(content=said)], "ending": "rejected"}


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
