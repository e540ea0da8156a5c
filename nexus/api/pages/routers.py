"""The routers of all pages."""

from __future__ import annotations

from nexus.api.pages import accounts, apps, chat, inbox, login, memories, threads, welcome

PAGES = (login, inbox, chat, threads, apps, accounts, memories, welcome)
"""Modules with pages, each with its `router`."""
