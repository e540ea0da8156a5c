"""The execute node: the only place that calls a tool, and only after the ledger has written it down."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig

from graphs.events import emit
from graphs.parts import Parts
from graphs.state import State, call_of, thread_of
from nexus.core.action import Call, ThreadId, digest_of
from nexus.core.effect import Claim, Effect, InProgress, Outcome, Settled
from nexus.core.excerpt import excerpt
from nexus.core.policy import Allow, Deny
from nexus.core.tool import ToolSpec, unknown_tool
from nexus.errors import (
    ArgumentsInvalid,
    Conflict,
    NexusError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
    ToolFailed,
    Unavailable,
)

_log = logging.getLogger(__name__)

NOT_SENT_PAUSES = (0.5, 2.0)
"""Seconds to wait before a call that certainly never left is tried again."""

POLL_SECONDS = 0.05
"""How often the end of a call that another run is making is looked for."""

_ENDS: tuple[tuple[type[NexusError], Outcome], ...] = (
    (ArgumentsInvalid, "invalid"),
    (NotFound, "invalid"),
    (Refused, "refused"),
    (NotSent, "failed"),
    (ToolFailed, "failed"),
)
"""What a tool's error says for certain. Every other exception leaves the outcome unknown."""


class Execute:
    """Runs the call in the state, at most once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """Claim, call, settle; then tell the model, or ask the person if the outcome is unknown."""
        if not state.get("call"):
            return {"go": False}  # somebody jumped here from outside the graph
        started = time.monotonic()
        call = call_of(state)
        emit("executing", call_id=call.id, tool=call.tool, arguments=dict(call.arguments))
        effect = await self._effect(call, thread_of(config), request=state.get("goal", ""))
        spent = state["spent"].copy()
        spent["seconds"] += time.monotonic() - started
        if effect.outcome == "unknown":
            return {"question": "outcome", "go": False, "spent": spent}
        spent["failures"] = 0 if effect.outcome == "done" else spent["failures"] + 1
        emit("observation", call_id=call.id, tool=call.tool, outcome=effect.outcome, text=effect.text)
        return {"messages": [_observation(call, effect)], "call": None, "go": False, "spent": spent}

    async def _effect(self, call: Call, thread: ThreadId, *, request: str) -> Effect:
        """The recorded end of the call: made now, or long ago."""
        spec, refusal = self._spec(call.tool)
        try:
            claim, approval_id = await self._claim(call, spec, thread, refusal)
            result = await self._parts.ledger.claim(claim, approval_id=approval_id)
            if isinstance(result, InProgress):
                result = await self._wait(claim, approval_id)
        except (Refused, NotFound, ArgumentsInvalid) as error:
            return Effect("refused", str(error))
        if isinstance(result, Settled):
            return result.effect
        effect = await self._run(call, spec, repeatable=claim.is_repeatable)
        if effect.outcome == "done" and claim.needs_approval:
            await self._remember(call, request)
        return effect

    def _spec(self, slug: str) -> tuple[ToolSpec, str | None]:
        """The tool as it is now, and why it must not be called any more, if so."""
        try:
            spec = self._parts.tools.get(slug)
        except NotFound as error:
            return unknown_tool(slug), str(error)
        verdict = self._parts.policy.judge(spec)
        return spec, f"Not allowed: {verdict.reason}." if isinstance(verdict, Deny) else None

    async def _claim(
        self, call: Call, spec: ToolSpec, thread: ThreadId, refusal: str | None
    ) -> tuple[Claim, str]:
        """What the ledger has to check. A refusal is for the ledger to say: it knows what ran before."""
        version, expires_at, approval_id = self._parts.policy.version, datetime.max.replace(tzinfo=UTC), ""
        needs_approval = not isinstance(self._parts.policy.judge(spec), Allow)
        if needs_approval:
            approval = await self._parts.approvals.get(call.approval_id)
            version, expires_at, approval_id = approval.policy_version, approval.expires_at, approval.id
        digest = digest_of(call, spec, thread=thread, policy_version=version, expires_at=expires_at)
        return (
            Claim(
                key=call.key,
                thread=thread,
                tool=call.tool,
                digest=digest,
                needs_approval=needs_approval,
                is_repeatable=spec.is_read_only,
                refusal=refusal,
            ),
            approval_id,
        )

    async def _wait(self, claim: Claim, approval_id: str) -> Any:
        """Another run is making this very call: wait for its end instead of making it again."""
        deadline = time.monotonic() + self._parts.tool_timeout
        while time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
            result = await self._parts.ledger.claim(claim, approval_id=approval_id)
            if not isinstance(result, InProgress):
                return result
        raise Conflict(f"Another run is still executing {claim.tool}.", remedy="Look at the thread later.")

    async def _run(self, call: Call, spec: ToolSpec, *, repeatable: bool) -> Effect:
        """Make the claimed call and settle it, whatever happens, even if this task is cancelled."""
        effect = Effect("unknown", "The call was interrupted.")
        try:
            effect = await self._call(call, spec)
        finally:
            if repeatable and effect.outcome == "unknown":
                effect = Effect("failed", "Reading failed or took too long.")
            await asyncio.shield(self._parts.ledger.settle(call.key, effect))
        return effect

    async def _call(self, call: Call, spec: ToolSpec) -> Effect:
        """The one call of the tools port, with what its end means."""
        for pause in (*NOT_SENT_PAUSES, None):
            try:
                async with asyncio.timeout(self._parts.tool_timeout):
                    result = await self._parts.tools.call(spec, call.arguments, key=call.key)
                text = excerpt(result.text, self._parts.observation_limit, spec.parameters)
                return Effect("done", text, result.reference)
            except NotSent as error:
                if pause is None:
                    return _end(error)
                await asyncio.sleep(pause)
            # What a provider raises is not ours to foresee; only the listed errors say that nothing happened.
            except Exception as error:  # noqa: BLE001
                return _end(error)
        raise AssertionError("the last pause is None")

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


def _end(error: Exception) -> Effect:
    for kind, outcome in _ENDS:
        if isinstance(error, kind):
            return Effect(outcome, str(error))
    if isinstance(error, OutcomeUnknown | Unavailable | TimeoutError):
        return Effect("unknown", str(error) or "The call took too long.")
    return Effect("unknown", f"The tool broke off with {type(error).__name__}.")


def _observation(call: Call, effect: Effect) -> ToolMessage:
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
        artifact={"outcome": effect.outcome, "reference": effect.reference},
    )
