"""The execute node: the only place that calls a tool, and only after the ledger has written it down."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig

from graphs.accounts import missing
from graphs.events import emit
from graphs.judging import judged
from graphs.learning import learn
from graphs.parts import Parts
from graphs.state import State, call_of, thread_of
from graphs.trying import Repetition, Tries, longest, repetition_of
from graphs.versions import as_approved
from nexus.core.action import Call, Digest, ThreadId, digest_of
from nexus.core.approval import Approval, Question
from nexus.core.effect import Claim, Effect, InProgress, Outcome, Settled
from nexus.core.excerpt import excerpt, fits
from nexus.core.policy import Allow, Deny, Verdict
from nexus.core.tool import ToolSpec, unknown_tool
from nexus.errors import (
    ArgumentsInvalid,
    Conflict,
    NexusError,
    NotConnected,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
    ToolFailed,
)

_log = logging.getLogger(__name__)

WITHOUT_ASKING = "none"
"""Stands for the rules in the digest of a call that nobody was asked about: it is judged whenever it runs."""

POLL_SECONDS = 0.05
"""How often the end of a call that another run is making is looked for."""

_ENDS: tuple[tuple[type[NexusError], Outcome], ...] = (
    (ArgumentsInvalid, "invalid"),
    (NotFound, "invalid"),
    (NotConnected, "unconnected"),
    (Refused, "refused"),
    (NotSent, "failed"),
    (ToolFailed, "failed"),
)
"""What a tool's error says for certain. Every other exception leaves the outcome unknown."""

_QUESTIONS: Mapping[Outcome, Question] = {"unknown": "outcome", "unconnected": "connect"}
"""What a person is asked after an end that is no observation yet."""


class Execute:
    """Runs the call in the state, at most once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """Claim, call, settle; then tell the model, or ask the person: did it happen, can you connect it?"""
        if not state.get("call"):
            return {"go": False}  # somebody jumped here from outside the graph
        started = time.monotonic()
        call = call_of(state)
        emit("executing", call_id=call.id, tool=call.tool, arguments=dict(call.arguments))
        effect = await self._effect(state, call, thread_of(config))
        seconds, spent = time.monotonic() - started, state["spent"].copy()
        spent["seconds"] += seconds
        if effect.outcome in _QUESTIONS:
            return {"question": _QUESTIONS[effect.outcome], "go": False, "spent": spent}
        spent["failures"] = 0 if effect.outcome == "done" else spent["failures"] + 1
        emit("observation", call_id=call.id, tool=call.tool, outcome=effect.outcome, text=effect.text)
        found = [*state["found"], *self._readers(state, effect)]
        messages = [_observation(call, effect, seconds)]
        return {"messages": messages, "call": None, "go": False, "spent": spent, "found": found}

    def _readers(self, state: State, effect: Effect) -> list[str]:
        """The tool that reads on, if the result speaks of it and it cannot be chosen yet."""
        reader = self._parts.results.reader if self._parts.results is not None else None
        if reader is None or reader not in effect.text or reader in state["found"]:
            return []
        return [reader]

    async def _effect(self, state: State, call: Call, thread: ThreadId) -> Effect:
        """The recorded end of the call: made now, or long ago."""
        try:
            spec, verdict = await self._judged(state, call, thread)
            claim, approval_id, spec = await self._claim(call, spec, thread, verdict)
            result = await self._parts.ledger.claim(claim, approval_id=approval_id)
            if isinstance(result, InProgress):
                result = await self._wait(claim, approval_id)
        except NotConnected as error:
            return Effect("unconnected", str(error))
        except (Refused, NotFound, ArgumentsInvalid) as error:
            return Effect("refused", str(error))
        if isinstance(result, Settled):
            return result.effect
        effect = await self._run(call, spec, thread, asked=claim.needs_approval)
        if effect.outcome == "done" and claim.needs_approval:
            await learn(self._parts, state, call, thread)
            await self._remember(call, state.get("goal", ""))
        return effect

    async def _judged(self, state: State, call: Call, thread: ThreadId) -> tuple[ToolSpec, Verdict | Refused]:
        """The tool as it is now, and what policy says, or why it must not be called any more."""
        try:
            spec = self._parts.tools.get(call.tool)
        except NotFound as error:
            return unknown_tool(call.tool), Refused(str(error))
        verdict = await judged(self._parts, state, call, spec, thread=thread)
        if isinstance(verdict, Deny):
            return spec, Refused(f"Not allowed: {verdict.reason}.")
        return spec, verdict if spec.can_act else NotConnected(missing(spec.toolkit))

    async def _approval(self, call: Call) -> Approval | None:
        """The question that a person was asked about this attempt; None if nobody was."""
        try:
            approval = await self._parts.approvals.get(call.approval_id)
        except NotFound:
            return None
        return approval if approval.id == call.approval_id else None

    async def _claim(
        self, call: Call, spec: ToolSpec, thread: ThreadId, verdict: Verdict | Refused
    ) -> tuple[Claim, str, ToolSpec]:
        """What the ledger has to check, and the tool in the version to call.

        A refusal is for the ledger to say, and so is that nobody was asked: it knows what ran before.
        """
        version, expires_at, approval_id = WITHOUT_ASKING, datetime.max.replace(tzinfo=UTC), ""
        approved: Digest | None = None
        needs_approval = not isinstance(verdict, Allow)
        approval = await self._approval(call) if needs_approval else None
        if approval is not None:
            version, expires_at, approval_id = approval.policy_version, approval.expires_at, approval.id
            approved = approval.digest if approval.call == call else None
            spec = await as_approved(self._parts, call, spec, approval)
        digest = digest_of(call, spec, thread=thread, policy_version=version, expires_at=expires_at)
        return (
            Claim(
                key=call.key,
                thread=thread,
                tool=call.tool,
                digest=digest,
                needs_approval=needs_approval,
                is_repeatable=spec.is_read_only,
                refusal=verdict if isinstance(verdict, Refused) else None,
                approved=approved,
                arguments=call.arguments,
                reason=verdict.reason if isinstance(verdict, Allow) else "",
                is_untrusted=not spec.returns_own,
                toolkit=spec.toolkit,
                account=spec.account,
            ),
            approval_id,
            spec,
        )

    async def _wait(self, claim: Claim, approval_id: str) -> Any:
        """Another run is making this very call: wait for its end instead of making it again."""
        deadline = time.monotonic() + longest(self._parts.tool_timeout)
        while time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
            result = await self._parts.ledger.claim(claim, approval_id=approval_id)
            if not isinstance(result, InProgress):
                return result
        raise Conflict(f"Another run is still executing {claim.tool}.", remedy="Look at the thread later.")

    async def _run(self, call: Call, spec: ToolSpec, thread: ThreadId, *, asked: bool) -> Effect:
        """Make the claimed call and settle it, whatever happens, even if this task is cancelled."""
        effect = Effect("unknown", "The call was interrupted.")
        try:
            effect = await self._call(call, spec, thread, asked=asked)
        finally:
            if spec.changes_nothing and effect.outcome == "unknown":
                effect = replace(effect, outcome="failed", text=f"Reading failed: {effect.text}")
            await asyncio.shield(self._parts.ledger.settle(call.key, effect))
        return effect

    async def _call(self, call: Call, spec: ToolSpec, thread: ThreadId, *, asked: bool) -> Effect:
        """The call of the tools port, with what its end means; what may be repeated is tried again."""

        async def once() -> Effect:
            async with asyncio.timeout(self._parts.tool_timeout):
                result = await self._parts.tools.call(spec, call.arguments, key=call.key)
            return Effect("done", await self._shown(result.text, call, spec, thread), result.reference)

        tries = self._tries(call, repetition_of(spec, asked=asked))
        try:
            return replace(await tries.of(once), tries=tries.made)
        # What a provider raises is not ours to foresee; only the listed errors say that nothing happened.
        except Exception as error:  # noqa: BLE001
            return replace(_end(error, tries.left_open), tries=tries.made)

    def _tries(self, call: Call, repetition: Repetition) -> Tries:
        """The tries of a call: each but the first is told of before its pause, and written down after it."""

        def tell(failure: Exception, seconds: float) -> None:
            emit("again", call_id=call.id, tool=call.tool, text=_in_words(failure), seconds=seconds)

        async def again(failure: Exception) -> None:
            await self._parts.ledger.again(call.key, why=_in_words(failure))

        return Tries(repetition, timeout=self._parts.tool_timeout, tell=tell, again=again)

    async def _shown(self, text: str, call: Call, spec: ToolSpec, thread: ThreadId) -> str:
        """As much of a result as the model is shown; of a longer one all is kept for reading on.

        What is done is done: that it cannot be kept must not look like a failed call.
        """
        limit, how_to_read = self._parts.observation_limit, None
        if self._parts.results is not None and not fits(text, limit):
            try:
                kept = await self._parts.results.keep(text, thread=thread, call=call.key, tool=call.tool)
                how_to_read = kept.how_to_read
            except NexusError as error:
                _log.warning("the whole result of %s cannot be kept: %s", call.key, error)
        return excerpt(text, limit, spec.parameters, how_to_read)

    async def _remember(self, call: Call, request: str) -> None:
        """Let search lean on it: a person approved this tool for this request, and it worked.

        What is done is done: that it cannot be remembered must not look like a failed call.
        """
        if self._parts.experience is None:
            return
        try:
            await self._parts.experience.remember(
                self._parts.user, tool=call.tool, request=request, call=call.key
            )
        except NexusError as error:
            _log.warning("search cannot learn from %s: %s", call.key, error)


def _end(error: Exception, left_open: Exception | None) -> Effect:
    """What the last try says; but what an earlier one left open stays open, unless the last was done."""
    for kind, outcome in _ENDS:
        if isinstance(error, kind):
            if left_open is None:
                return Effect(outcome, str(error))
            return Effect("unknown", f"{_in_words(left_open)} Then: {error}")
    reference = error.reference if isinstance(error, OutcomeUnknown) else None
    return Effect("unknown", _in_words(error), reference)


def _in_words(error: Exception) -> str:
    if isinstance(error, NexusError | TimeoutError):
        return str(error) or "The call took too long."
    return f"The tool broke off with {type(error).__name__}."


def _observation(call: Call, effect: Effect, seconds: float) -> ToolMessage:
    text = effect.text or "Done."
    if call.was_edited:
        text = f"A person changed the arguments to {dict(call.arguments)} before it ran. Result: {text}"
    if effect.outcome != "done":
        text = f"Error: {text}"
    return ToolMessage(
        content=text,
        tool_call_id=call.proposed_id,
        name=call.tool,
        status="success" if effect.outcome == "done" else "error",
        artifact={
            "outcome": effect.outcome,
            "reference": effect.reference,
            "tries": effect.tries,
            "seconds": round(seconds, 3),
        },
    )
