"""Lists of approvals, threads and tools, for a person and for a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
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
from nexus.ports.users import User
from nexus.runtime.service import Service
from nexus.runtime.toolkits import Toolkit
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
    watcher.note(f"This thread is {view.status}. {view.explanation}")
    for approval in view.approvals:
        watcher.asks(approval, None, now=now)
    return DONE


def show_users(watcher: Watcher, users: Sequence[User]) -> int:
    """The users, one a line."""
    entries = [(_user_facts(user), _user_cells(user)) for user in users]
    watcher.table(["user", "key", "since", "role"], entries, nothing="There are no users; you need no key.")
    return DONE


def show_tools(watcher: Watcher, specs: Sequence[ToolSpec], policy: Policy, *, nothing: str) -> int:
    """The tools, one a line, with what happens when the model wants to use them."""
    entries = [(_tool_facts(spec, policy), _tool_cells(spec, policy)) for spec in specs]
    watcher.table(["tool", "runs", "what it does"], entries, nothing=nothing)
    return DONE


def show_tool(watcher: Watcher, spec: ToolSpec, policy: Policy) -> int:
    """One tool, in full."""
    if isinstance(watcher, JsonLines):
        watcher.event(_tool_facts(spec, policy))
        return DONE
    watcher.note(f"{spec.title} ({spec.slug} of {spec.toolkit}, version {spec.version})", tone="strong")
    watcher.note(spec.description, tone="plain")
    watcher.note(f"It runs: {_verdict(spec, policy)}. Its provider says: {_said(spec)}. {_account(spec)}")
    required, properties = spec.parameters.get("required", ()), spec.parameters.get("properties", {})
    entries: list[Entry] = [
        ({}, [one_line(name), "yes" if name in required else "", *_parameter_cells(properties[name])])
        for name in properties
    ]
    watcher.table(["takes", "required", "type", "what it is"], entries, nothing="It takes nothing.")
    return DONE


def show_toolkits(watcher: Watcher, found: Sequence[Toolkit]) -> int:
    """The apps, one a line."""
    entries = [(asdict(each), _toolkit_cells(each)) for each in found]
    watcher.table(["app", "is", "tools", "account", "what it is"], entries, nothing="No app is on.")
    return DONE


def switched_in_words(toolkit: Toolkit) -> str:
    """What became of an app that was switched."""
    if not toolkit.is_on:
        return f"{toolkit.slug} is off."
    missing = toolkit.needs_account and toolkit.account is None
    return f"{toolkit.slug} is on, with {toolkit.tools} tools." + (
        " No account is connected yet." if missing else ""
    )


def _toolkit_cells(toolkit: Toolkit) -> list[str]:
    account = toolkit.account or ("not connected" if toolkit.needs_account else "not needed")
    return [
        one_line(toolkit.slug),
        "on" if toolkit.is_on else "off",
        str(toolkit.tools),
        one_line(account),
        one_line(toolkit.description, limit=120),
    ]


def _parameter_cells(schema: Any) -> list[str]:
    kind = schema.get("type", "") if isinstance(schema, dict) else ""
    described = schema.get("description", "") if isinstance(schema, dict) else ""
    return [one_line(str(kind)), one_line(str(described), limit=200)]


def _said(spec: ToolSpec) -> str:
    return ", ".join(sorted(spec.hints)) or "nothing about what it does"


def _account(spec: ToolSpec) -> str:
    if not spec.needs_account:
        return "It acts on no account."
    return f"It acts on the account {spec.account}." if spec.account else "No account is connected for it."


def _cells(approval: Approval, now: datetime) -> list[str]:
    call = call_in_words(approval.call.tool, approval.call.arguments, limit=120)
    left = until(approval.expires_at, now) if approval.is_pending else ""
    several = f", {len(approval.votes)} of {approval.approvals} yes" if approval.approvals > 1 else ""
    return [approval.id, f"{approval.state}{several}", call, left]


def _thread_facts(view: ThreadView) -> dict[str, Any]:
    return {
        "thread_id": view.id,
        "title": view.title,
        "status": view.status,
        "ending": view.ending,
        "explanation": view.explanation,
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


def _user_facts(user: User) -> dict[str, Any]:
    return {
        "user": user.id,
        "role": user.role,
        "created_at": user.created_at.isoformat(),
        "revoked_at": user.revoked_at.isoformat() if user.revoked_at else None,
    }


def _user_cells(user: User) -> list[str]:
    since = (user.revoked_at or user.created_at).astimezone().strftime("%Y-%m-%d %H:%M")
    return [user.id, "revoked" if user.revoked_at else "valid", since, user.role]


def _step_facts(step: Any) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "text": step.text,
        "tool": step.tool,
        "arguments": step.arguments,
        "ok": step.ok,
        "tries": step.tries,
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
        "version": spec.version,
        "account": spec.account,
        "needs_account": spec.needs_account,
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
