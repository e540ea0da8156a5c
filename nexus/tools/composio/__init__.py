"""Tools of the apps a person connected through Composio."""

from __future__ import annotations

from nexus.tools.composio.client import open_composio
from nexus.tools.composio.provider import ComposioProvider

__all__ = ["ComposioProvider", "open_composio"]
