"""Sessions (the tool router): a choice of tools for one user, made once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from tests.servers.composio.catalogue import Catalogue
from tests.servers.composio.errors import not_found, tool_not_found
from tests.servers.composio.toolkits.base import Tool


class NewSession(BaseModel):
    """What a session is asked to be; more is accepted and left aside."""

    user_id: str
    toolkits: dict[str, list[str]] | None = None
    tools: dict[str, dict[str, Any]] | None = None
    tags: list[str] | dict[str, list[str]] | None = None
    preload: dict[str, list[str] | str] | None = None


@dataclass
class Session:
    """One session, and the calls of it that wait for an approval."""

    wanted: NewSession
    id: str = field(default_factory=lambda: f"trs_{secrets.token_hex(6)}")
    pending: dict[str, str] = field(default_factory=dict)

    @property
    def preload(self) -> list[str] | str:
        """Slugs of the tools it gives directly, or `all`."""
        return (self.wanted.preload or {}).get("tools", [])

    def allows(self, tool: Tool) -> bool:
        """True if the session may use the tool."""
        return (
            _allowed(tool.toolkit, self.wanted.toolkits)
            and _allowed(tool.slug, (self.wanted.tools or {}).get(tool.toolkit))
            and _allowed_tags(tool.tags, self._tags)
        )

    def asks_first(self, tool: Tool) -> bool:
        """True if a call of the tool has to be approved at Composio."""
        return bool(set(tool.tags) & set(self._tags.get("require_approval", [])))

    def approved(self, call: Mapping[str, Any]) -> bool:
        """True if `call` repeats one that waited, together with a yes."""
        if self.pending.pop(call.get("request_state") or "", None) != _call_of(call):
            return False
        answers: Sequence[Mapping[str, Any]] = list((call.get("input_responses") or {}).values())
        decisions = [(each.get("content") or {}).get("decision") for each in answers]
        return any(decision in ("approve", "always_approve") for decision in decisions)

    def ask(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """The answer that asks for an approval."""
        state = f"rs_{secrets.token_hex(6)}"
        self.pending[state] = _call_of(call)
        decision = {"type": "string", "enum": ["approve", "always_approve", "deny"]}
        request = {
            "type": "elicitation",
            "mode": "form",
            "message": f"Allow {call['tool_slug']}?",
            "requested_schema": {"type": "object", "properties": {"decision": decision}},
        }
        return {
            "result_type": "input_required",
            "input_requests": {"approval": request},
            "request_state": state,
        }

    def in_full(self, tools: Sequence[str], base_url: str) -> dict[str, Any]:
        """The session as the API gives it."""
        return {
            "session_id": self.id,
            "config_version": 1,
            "mcp": {"type": "http", "url": f"{base_url}/mcp/{self.id}"},
            "tool_router_tools": list(tools),
            "config": {
                "user_id": self.wanted.user_id,
                "instant": False,
                "preload": {"tools": self.preload},
                "search": {"enable": True},
                "execute": {"enable_multi_execute": False},
            },
            "warnings": [],
        }

    @property
    def _tags(self) -> Mapping[str, list[str]]:
        tags = self.wanted.tags
        return {"enable": tags} if isinstance(tags, list) else tags or {}


class Sessions:
    """The sessions of the project."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.sessions: dict[str, Session] = {}

    def create(self, wanted: NewSession) -> Session:
        """A new session."""
        session = Session(wanted)
        self.sessions[session.id] = session
        return session

    def get(self, identity: str) -> Session:
        """The session of that id."""
        if identity not in self.sessions:
            raise not_found(f"Session {identity}")
        return self.sessions[identity]

    def tools(self, session: Session) -> list[Tool]:
        """The tools a session gives directly."""
        wanted = session.preload
        return [
            tool
            for tool in self._catalogue.tools.values()
            if session.allows(tool) and (wanted == "all" or tool.slug in wanted)
        ]

    def tool(self, session: Session, slug: str) -> Tool:
        """The tool of that name, if the session may use it."""
        tool = self._catalogue.tool(slug, "latest")
        if not session.allows(tool):
            raise tool_not_found(slug)
        return tool


def _allowed(name: str, choice: Mapping[str, Any] | None) -> bool:
    if not choice:
        return True
    return name in choice["enable"] if "enable" in choice else name not in choice.get("disable", [])


def _allowed_tags(tags: Sequence[str], choice: Mapping[str, list[str]]) -> bool:
    enabled = choice.get("enable")
    return (not enabled or bool(set(tags) & set(enabled))) and not set(tags) & set(choice.get("disable", []))


def _call_of(call: Mapping[str, Any]) -> str:
    return json.dumps([call["tool_slug"], call.get("arguments") or {}], sort_keys=True)
