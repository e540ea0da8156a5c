"""Lists of approvals, threads and tools, for a person and for a program."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from nexus.cli.deciding import spec_of
from nexus.cli.exits import DONE
from nexus.cli.question import as_json
from nexus.cli.watcher import Entry, JsonLines, Watcher
from nexus.cli.words import WHOLE, call_in_words, one_line, until
from nexus.core.approval import Approval
from nexus.core.policy import Allow, Ask, Deny, Policy
from nexus.core.tool import ToolSpec
from nexus.runtime.service import Service
from nexus.runtime.view import ThreadView


def show_approvals(watcher: Watcher, found: Sequence[Approval], *, now: datetime) -> int:
    """The approvals, one a line."""
    entries = [(as_json(approval), _cells(approval, now)) for approval in found]
    watcher.table(["id", "state", "call", "decide by"], entries, nothing="Nothing waits for your decision.")
    return DONE


def show_approval(watcher: Watcher, approval: Approval, service: Service) -> int:
    """One approval, in full."""
    if isinstance(watcher, JsonLines):
        watcher.event(as_json(approval))
    else:
        watcher.asks(approval, spec_of(service, approval), now=service.parts.clock.now(), limit=WHOLE)
    return DONE


def show_threads(watcher: Watcher, views: Sequence[ThreadView]) -> int:
    """The threads, one a line, the latest first."""
    entries = [(_thread_facts(view), _thread_cells(view)) for view in views]
    watcher.table(["thread", "status", "changed", "asked for"], entries, nothing="There are no threads yet.")
    return DONE


def show_thread(watcher: Watcher, view: ThreadView, *, now: datetime) -> int:
    """One thread's story."""
    if isinstance(watcher, JsonLines):
        watcher.event(_thread_facts(view) | {"steps": [_step_facts(step) for step in view.steps]})
        return DONE
    entries: list[Entry] = [({}, [step.kind, _step_text(step)]) for step in view.steps]
    watcher.table(["who", "what"], entries, nothing="Nothing was said in this thread.")
    watcher.note(f"This thread is {view.status}.")
    for approval in view.approvals:
        watcher.asks(approval, None, now=now)
    return DONE


def show_tools(watcher: Watcher, specs: Sequence[ToolSpec], policy: Policy, *, nothing: str) -> int:
    """The tools, one a line, with what happens when the model wants to use them."""
    entries = [(_tool_facts(spec, policy), _tool_cells(spec, policy)) for spec in specs]
    watcher.table(["tool", "runs", "what it does"], entries, nothing=nothing)
    return DONE


def _cells(approval: Approval, now: datetime) -> list[str]:
    call = call_in_words(approval.call.tool, approval.call.arguments, limit=120)
    left = until(approval.expires_at, now) if approval.is_pending else ""
    return [approval.id, approval.state, call, left]


def _thread_facts(view: ThreadView) -> dict[str, Any]:
    return {
        "thread_id": view.id,
        "title": view.title,
        "status": view.status,
        "ending": view.ending,
        "approvals": [approval.id for approval in view.approvals],
        "created_at": view.created_at.isoformat(),
        "updated_at": view.updated_at.isoformat(),
    }


def _thread_cells(view: ThreadView) -> list[str]:
    return [
        one_line(view.id),
        view.status,
        view.updated_at.astimezone().strftime("%Y-%m-%d %H:%M"),
        one_line(view.title, limit=80),
    ]


def _step_facts(step: Any) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "text": step.text,
        "tool": step.tool,
        "arguments": step.arguments,
        "ok": step.ok,
    }


def _step_text(step: Any) -> str:
    if step.kind == "call":
        return call_in_words(step.tool or "", step.arguments or {}, limit=400)
    return one_line(step.text, limit=800)


def _tool_facts(spec: ToolSpec, policy: Policy) -> dict[str, Any]:
    return {
        "tool": spec.slug,
        "toolkit": spec.toolkit,
        "title": spec.title,
        "description": spec.description,
        "runs": _verdict(spec, policy),
        "hints": sorted(spec.hints),
        "parameters": dict(spec.parameters),
    }


def _tool_cells(spec: ToolSpec, policy: Policy) -> list[str]:
    return [one_line(spec.slug), _verdict(spec, policy), one_line(spec.summary, limit=120)]


def _verdict(spec: ToolSpec, policy: Policy) -> str:
    match policy.judge(spec):
        case Allow():
            return "by itself"
        case Ask():
            return "asks first"
        case Deny():
            return "never"
