"""The routers of all pages."""

from __future__ import annotations

from nexus.api.pages import inbox, login

PAGES = (login, inbox)
"""Modules with pages, each with its `router`."""
