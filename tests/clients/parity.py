"""What of the LangGraph server's document is served, and which tests hold it: `nexus/PARITY.md`.

Written by `python -m tests.clients.parity`, which runs the tests of LangGraph's Python clients and notes the
routes that each of them asks. Whenever one of these tests runs, it fails if the table says something else.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from nexus.api.server import create_api
from tests.api.serving import Office

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "nexus" / "PARITY.md"
FOLDER = Path(__file__).parent
WRITING = "NEXUS_PARITY_NOTES"
"""The variable that names the file which notes are written to, instead of being compared."""

TESTED = sorted(FOLDER.glob("test_python_*.py")) + sorted(FOLDER.glob("test_protocol_*.py"))

ROUTES = re.compile(r"/(assistants|threads|runs|store|info|ok)(/|$)")
"""Those of LangGraph's document; the others are Nexus's own."""

OWN = re.compile(r"/(story|results)\b")
"""Nexus's own among them."""

SOCKET = "WebSocket /threads/{thread_id}/stream/events"
"""No OpenAPI document has sockets."""

REFUSED = (
    (
        "writing into Nexus's own graph (`POST /threads/{thread_id}/state`, `supersteps`, `command.update`)",
        "it could step around an approval; other graphs' are written; agent-inbox's *resolved* is a no",
        "test_a_state_is_changed_where_nothing_could_be_stepped_around",
    ),
    (
        "`as_node`, `command.goto` and the server's own keys of `configurable`, with Nexus's own graph",
        "whoever sends them would choose where it goes on: past the node that asks",
        "test_nothing_gets_around_an_approval",
    ),
    (
        "a second effect of a fork or a replay (the fork itself is served)",
        "the ledger answers for what was done; a yes is for one call in one place",
        "test_beginning_anew_in_the_past_acts_on_no_yes",
    ),
    (
        "messages that are not the user's own, several at once",
        "the model would take them for its own, or a tool's",
        "test_nothing_gets_around_an_approval",
    ),
    (
        "pruning a thread to its latest state, if its graph stores what each step added",
        "such a thread's past is its state",
        "test_a_thread_whose_past_is_its_state_is_not_pruned",
    ),
    (
        "`ttl` of a thread, `extract` of a search",
        "they would be forgotten in silence: the operator's settings say how long threads are kept",
        "test_what_would_be_forgotten_in_silence_is_refused",
    ),
)

UNASKED = (
    "Nexus's own routes, from approvals to users: `@auth.authenticate` says who asks, each sees their own",
    "the assistants that the server has for its graphs: they are there for everybody",
    "sockets: no handler is asked about them, so they are closed (4401) where there are handlers",
)
"""What an operator's `@auth.on` handlers are not asked about, or not obeyed in."""

NOT_SERVED = {
    "crons": r".*/crons.*",
    "MCP, A2A, metrics: no routes of threads, runs, assistants or the store": r"/(mcp|a2a|metrics).*",
    "how many bytes a thread takes": r"/threads/\{thread_id\}/storage",
}
"""What the LangGraph server's document has and Nexus has not, by what its paths look like."""

Note = tuple[str, str]
"""A route with its verb, and the test that asked it."""


class Noting:
    """Notes which test asks which of the routes; what a fixture asks is no test's."""

    def __init__(self, app: ASGIApp, routes: Iterable[str], notes: set[Note]) -> None:
        self._app = app
        self._routes = [(route, re.compile(re.sub(r"\{[^}]*\}", "[^/]+", route))) for route in routes]
        self._notes = notes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the request, and pass it on."""
        test, _, when = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")
        if when == "(call)" and scope["type"] in {"http", "websocket"}:
            asked = f"{scope.get('method', 'WebSocket')} {scope['path']}"
            route = next((route for route, form in self._routes if form.fullmatch(asked)), None)
            if route:
                self._notes.add((route, test.partition("::")[2].partition("[")[0]))
        await self._app(scope, receive, send)


def routes_of(document: Mapping[str, Any]) -> list[str]:
    """LangGraph's routes in an OpenAPI document."""
    return [
        f"{verb.upper()} {path}"
        for path, item in document["paths"].items()
        for verb in item
        if ROUTES.match(path) and not OWN.search(path)
    ]


def known() -> dict[str, set[str]]:
    """The routes of each test, as the table has them."""
    found: dict[str, set[str]] = defaultdict(set)
    route = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines() if TABLE.exists() else ():
        if heading := re.fullmatch(r"\| `([A-Za-z]+ /[^`]*)` \|(.*)", line):
            route = heading[1]
            for test in re.findall(r"\b(test_\w+)", heading[2]):
                found[test].add(route)
    return found


def write(notes: Iterable[Note], routes: Iterable[str]) -> None:
    """Write the table."""
    tests: Mapping[str, set[str]] = defaultdict(set)
    for route, test in notes:
        tests[route].add(test)
    about = (
        "Written by `python -m tests.clients.parity`, from what the tests in `tests/clients` really ask; they"
        " fail if it is stale. A test's name says what the route does there."
    )
    lines = [
        "# LangGraph's routes: what is served, and the tests that hold it",
        "",
        about,
        "",
        "| route | tests |",
        "|---|---|",
    ]
    for route in sorted(routes, key=lambda each: (each.partition(" ")[2], each)):
        named = ", ".join(f"`{test}`" for test in sorted(tests[route])) or "**none**"
        lines.append(f"| `{route}` | {named} |")
    lines += ["", "## Refused on purpose", "", "| what | why | held by |", "|---|---|---|"]
    lines += [f"| {what} | {why} | `{test}` |" for what, why, test in REFUSED]
    lines += ["", "## What `@auth.on` handlers are not asked about", "", *(f"- {what}" for what in UNASKED)]
    lines += ["", "## Not served", ""]
    lines += [f"- {what}" for what in NOT_SERVED]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def served() -> list[str]:
    """LangGraph's routes that this version of Nexus has."""
    office = Office(Path(os.devnull))
    return [*routes_of(create_api(office.open_services, office.settings).openapi()), SOCKET]


def main() -> None:
    """Run the tests and write the table."""
    with TemporaryDirectory() as folder:
        notes = Path(folder) / "notes"
        command = [sys.executable, "-m", "pytest", "-q", *map(str, TESTED)]
        environment = {**os.environ, WRITING: str(notes)}
        status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        noted = [line.split("\t") for line in notes.read_text(encoding="utf-8").splitlines()]
    write([(route, test) for route, test in noted], served())
    sys.exit(status)


if __name__ == "__main__":
    main()
