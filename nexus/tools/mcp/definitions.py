"""Tools as MCP servers define them, in our terms. Every word of a definition may be hostile."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp import types as wire

from nexus.core.display import visible
from nexus.core.tool import Hint, ToolSpec

LONGEST_SLUG = 64
"""Characters; what the chat formats of models allow a function's name to have."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_TITLE = 80
_LONGEST_DESCRIPTION = 4000
_CHANGED = "changed since it was accepted"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a server says of one of its tools; what of it is pinned.

    Attributes:
        facts: Title, description, parameters and annotations, as sent.
    """

    name: str
    facts: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 in hex over the name and every fact."""
        text = json.dumps([self.name, self.facts], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def definition_of(tool: wire.Tool) -> Definition:
    """What is to be pinned of a listed tool."""
    annotations = tool.annotations.model_dump(by_alias=True, exclude_none=True) if tool.annotations else None
    facts = {
        "title": tool.title,
        "description": tool.description,
        "parameters": tool.input_schema,
        "annotations": annotations,
    }
    return Definition(tool.name, facts)


def spec_of(server: str, definition: Definition, *, is_accepted: bool, is_local: bool = False) -> ToolSpec:
    """The tool as the model and the person see it. One that is not accepted is known to be nothing."""
    facts = definition.facts
    return ToolSpec(
        slug=slug_of(server, definition.name),
        toolkit=server,
        title=_title(definition, is_accepted=is_accepted),
        description=visible((facts["description"] or definition.name).strip(), limit=_LONGEST_DESCRIPTION),
        parameters=_made_visible(facts["parameters"]),
        hints=hints_of(facts["annotations"]) if is_accepted else frozenset(),
        version=definition.digest[:16],
        is_local=is_local and is_accepted,
    )


def slug_of(server: str, tool: str) -> str:
    """`{server}_{tool}`; if the tool's name has to be changed for it, with a hash of the name at the end.

    A server's name has no `_`, so two servers' slugs do not meet; two tools of a server that make one are not
    taken in.
    """
    clean = _UNSAFE.sub("_", tool)
    if clean == tool and len(server) + 1 + len(tool) <= LONGEST_SLUG:
        return f"{server}_{tool}"
    mark = hashlib.sha256(tool.encode()).hexdigest()[:8]
    return f"{server}_{clean}"[: LONGEST_SLUG - len(mark) - 1] + f"_{mark}"


def hints_of(annotations: Mapping[str, Any] | None) -> frozenset[Hint]:
    """The hints, with the protocol's defaults for those left out; no annotations say nothing.

    A tool is destructive unless it says that it only reads or adds, and its world is open unless it says
    that it is closed (MCP 2025-06-18, ToolAnnotations).
    """
    if annotations is None:
        return frozenset()
    only_reads = annotations.get("readOnlyHint") is True
    destroys = annotations.get("destructiveHint") is not False
    said: dict[Hint, bool] = {
        "readOnlyHint": only_reads,
        "destructiveHint": not only_reads and destroys,
        "createHint": not only_reads and not destroys,
        "idempotentHint": annotations.get("idempotentHint") is True,
        "openWorldHint": annotations.get("openWorldHint") is not False,
    }
    return frozenset(hint for hint, holds in said.items() if holds)


def _title(definition: Definition, *, is_accepted: bool) -> str:
    annotations = definition.facts["annotations"] or {}
    said = definition.facts["title"] or annotations.get("title") or definition.name.replace("_", " ")
    title = " ".join(visible(str(said), limit=_LONGEST_TITLE).split()) or definition.name
    return title if is_accepted else f"{title} ({_CHANGED})"


def _made_visible(node: Any) -> Any:
    """A schema whose descriptions show every character they have."""
    match node:
        case dict():
            return {
                key: visible(value, limit=_LONGEST_DESCRIPTION)
                if key in ("description", "title") and isinstance(value, str)
                else _made_visible(value)
                for key, value in node.items()
            }
        case list():
            return [_made_visible(item) for item in node]
        case _:
            return node
