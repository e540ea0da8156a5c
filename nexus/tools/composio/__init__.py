"""Tools of the apps a person connected through Composio."""

from __future__ import annotations

from nexus.tools.composio.client import open_composio
from nexus.tools.composio.project import ComposioProject, open_project
from nexus.tools.composio.provider import ComposioProvider

__all__ = ["ComposioProject", "ComposioProvider", "open_composio", "open_project"]
