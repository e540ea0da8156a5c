"""Connect an app from the terminal: ask for what it takes, show the link, wait for the account."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import webbrowser
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from nexus.cli.exits import DONE, FAILED, WAITING
from nexus.cli.watcher import Entry, JsonLines, Watcher
from nexus.cli.words import one_line
from nexus.core.canonical import parse_json
from nexus.errors import InvalidInput
from nexus.ports.connections import AuthField, Connection, Connections
from nexus.runtime.connecting import connections_of, in_words
from nexus.runtime.service import Service

WAIT = 600.0
"""Seconds a person has to sign in; the links of Composio last as long."""


async def connect_app(
    service: Service,
    watcher: Watcher,
    toolkit: str,
    *,
    fields: Mapping[str, str] | None = None,
    can_ask: bool,
    again: bool = False,
    browser: bool = True,
    wait: float = WAIT,
) -> Connection:
    """The account as it stands when the person has signed in, or the time is over.

    With `again`, they sign in anew though an account is active.

    Raises:
        InvalidInput: The app needs a value, and there is nobody to ask.
        NotFound, Conflict, Unavailable: As `Connections.connect`.
    """
    connections, user = connections_of(service), service.parts.user
    watcher.working(f"connecting {one_line(toolkit)}")
    try:
        opened = await _opened(connections, user, toolkit, fields, again=again)
    except InvalidInput as error:
        if fields or not can_ask or not (error.field or "").startswith("fields."):
            raise
        given = await _ask_for(watcher, toolkit, await connections.needs(user, toolkit))
        opened = await _opened(connections, user, toolkit, given, again=again)
    if opened.state != "waiting" or opened.link is None:
        return opened
    report(watcher, "link", opened)
    watcher.note(f"Sign in here: {one_line(opened.link.url, limit=2_000)}", tone="strong")
    if browser and has_browser():
        await asyncio.to_thread(_open_browser, opened.link.url)
    watcher.working("waiting for you to sign in")
    found = await connections.get(user, opened.id, wait=wait) if wait else opened
    watcher.close()
    return found


async def _opened(
    connections: Connections, user: str, toolkit: str, fields: Mapping[str, str] | None, *, again: bool
) -> Connection:
    """The account that is active or waits for the person; with `again`, one that waits."""
    found = await connections.connect(user, toolkit, fields)
    if again and not fields and found.state == "active":
        return await connections.reconnect(user, found.id)
    return found


def tell(watcher: Watcher, connection: Connection) -> int:
    """Say how the account stands; the exit code."""
    report(watcher, "connection", connection)
    tone, code = {"active": ("good", DONE), "waiting": ("warn", WAITING)}.get(
        connection.state, ("bad", FAILED)
    )
    watcher.note(in_words(connection), tone=tone)
    if code != DONE:
        watcher.note(f"Try again with: nexus connect {one_line(connection.toolkit)}", tone="warn")
    return code


def report(watcher: Watcher, event: str, connection: Connection) -> None:
    """Tell a program what happened to an account; a person is told in words."""
    if isinstance(watcher, JsonLines):
        watcher.event({"event": event, **facts(connection)})


def show_connections(watcher: Watcher, found: Sequence[Connection]) -> int:
    """The accounts, one a line."""
    entries: list[Entry] = [(facts(each), _cells(each)) for each in found]
    nothing = "No account is connected. Connect one with: nexus connect gmail"
    watcher.table(["account", "app", "is", "since"], entries, nothing=nothing)
    return DONE


def facts(connection: Connection) -> dict[str, Any]:
    """The account as plain JSON values."""
    link = connection.link
    return {
        "connection_id": connection.id,
        "toolkit": connection.toolkit,
        "state": connection.state,
        "reason": connection.reason,
        "created_at": connection.created_at.isoformat(),
        "link": link.url if link else None,
        "link_expires_at": link.expires_at.isoformat() if link else None,
    }


def fields_in(text: str) -> dict[str, str]:
    """The values of a JSON object of texts. Raises InvalidInput; the values are not repeated."""
    try:
        found = parse_json(text)
    except InvalidInput:
        found = None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        example = json.dumps({"generic_api_key": "…"})
        raise InvalidInput(
            "it is no JSON object of texts", field="--fields", remedy=f"It looks like: {example}."
        )
    return cast("dict[str, str]", found)


def has_browser() -> bool:
    """True if a browser with windows can be expected: one inside the terminal would take it away."""
    return sys.platform in {"darwin", "win32"} or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


def _open_browser(url: str) -> None:
    if urlsplit(url).scheme in {"http", "https"}:
        webbrowser.open(url)


async def _ask_for(watcher: Watcher, toolkit: str, needed: Sequence[AuthField]) -> dict[str, str]:
    from nexus.cli.asking import write_hidden

    watcher.close()
    watcher.note(f"{one_line(toolkit)} asks for {', '.join(one_line(each.label) for each in needed)}.")
    given: dict[str, str] = {}
    for field in needed:
        if field.description:
            watcher.note(f"  {one_line(field.label)}: {one_line(field.description, limit=400)}")
        given[field.name] = await write_hidden(f"{one_line(field.label)}:", hidden=field.is_secret)
    watcher.working("connecting")
    return given


def _cells(connection: Connection) -> list[str]:
    reason = f" ({one_line(connection.reason)})" if connection.reason else ""
    since = f"{connection.created_at.astimezone():%Y-%m-%d %H:%M}"
    return [one_line(connection.id), one_line(connection.toolkit), f"{connection.state}{reason}", since]
