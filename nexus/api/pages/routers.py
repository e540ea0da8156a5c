"""The routers of all pages."""

from __future__ import annotations

from nexus.api.pages import chat, inbox, login, threads

PAGES = (login, inbox, chat, threads)
"""Modules with pages, each with its `router`."""
