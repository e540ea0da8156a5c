"""MCP servers as tools, spoken to by the official client.

`langchain-mcp-adapters` 0.3 is not used: it needs `mcp` below 2, without the protocol of 2026-07-28, and an
answer with audio, or against the tool's output schema, is an error to it although the tool has acted.
"""

from __future__ import annotations

from nexus.tools.mcp.provider import McpProvider, ServerState, open_mcp

__all__ = ["McpProvider", "ServerState", "open_mcp"]
