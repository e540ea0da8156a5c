"""`catalogue.db`: what Composio offers, as last seen, so that tools are found without the network.

A copy of public facts that can be fetched again at any time, beside which accounts each user had. Every
method is one transaction on a connection of its own: any thread and any process may use the file.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast, get_args

from nexus.core.tool import Hint, ToolSpec
from nexus.errors import StoreUnavailable
from nexus.tools.stored_schema import StoredSchema

_log = logging.getLogger(__name__)

BUSY_SECONDS = 10.0
"""How long a transaction waits for another process's."""

_REMEDY = "Try again: it is a copy of what Composio lists, and is read anew if it has to be."

KEPT = 2
"""Replaced versions of a toolkit that are kept, for calls that were proposed in them."""

_UNREADABLE = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
"""What SQLite says of a file that is damaged, or none of its own."""

_HINTS: frozenset[str] = frozenset(get_args(Hint))

_TABLES = """
CREATE TABLE IF NOT EXISTS toolkits (
    slug TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, version TEXT NOT NULL,
    tools INTEGER NOT NULL, no_auth INTEGER NOT NULL, synced TEXT, synced_at TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tools (
    number INTEGER PRIMARY KEY, slug TEXT NOT NULL, version TEXT NOT NULL, toolkit TEXT NOT NULL,
    title TEXT NOT NULL, description TEXT NOT NULL, tags TEXT NOT NULL, parameters TEXT NOT NULL,
    no_auth INTEGER NOT NULL, fault TEXT, replaced_at TEXT, UNIQUE (slug, version)
);
CREATE INDEX IF NOT EXISTS tools_of_toolkit ON tools (toolkit) WHERE replaced_at IS NULL;
CREATE TABLE IF NOT EXISTS accounts (
    user TEXT NOT NULL, toolkit TEXT NOT NULL, account TEXT NOT NULL, PRIMARY KEY (user, toolkit)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (
    what TEXT PRIMARY KEY, at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (what TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO changes SELECT value, strftime('%s', 'now') * 1000
    FROM json_each('["tools", "accounts"]');
"""

_TOOL = "slug, version, toolkit, title, description, tags, parameters, no_auth"


@dataclass(frozen=True, slots=True)
class ListedToolkit:
    """A toolkit as Composio lists it.

    Attributes:
        tools: How many tools it has.
        no_auth: True if its tools act on no account.
        synced: What of it was read last (`edition`); None if nothing was.
    """

    slug: str
    name: str
    description: str
    version: str
    tools: int
    no_auth: bool = False
    synced: str | None = None


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool as Composio lists it; `fault` says why it cannot be used, if so."""

    slug: str
    version: str
    toolkit: str
    title: str
    description: str
    tags: Sequence[str]
    parameters: Mapping[str, Any]
    no_auth: bool
    fault: str | None = None


class CatalogueFile:
    """The toolkits, their tools, and the accounts of users, in one SQLite file.

    Every method raises StoreUnavailable if the file cannot be used now. One that cannot be read at all is
    moved aside, for it is a cache: a new one takes its place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_made = False

    def changes(self) -> tuple[int, int]:
        """How often tools and accounts have changed, whichever process did it."""
        with self._open() as connection:
            rows = dict(connection.execute("SELECT what, number FROM changes").fetchall())
        return rows["tools"], rows["accounts"]

    def toolkits(self) -> list[ListedToolkit]:
        """Every toolkit that was listed, by its slug."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT slug, name, description, version, tools, no_auth, synced FROM toolkits ORDER BY slug"
            ).fetchall()
        return [ListedToolkit(*row[:5], no_auth=bool(row[5]), synced=row[6]) for row in rows]

    def write_toolkits(self, listed: Iterable[ListedToolkit]) -> None:
        """The toolkits there are now. Those that are gone go, and their tools with them."""
        rows = [(each.slug, each.name, each.description, each.version, each.tools, each.no_auth)
                for each in listed]  # fmt: skip
        with self._change("tools") as connection:
            connection.executemany(
                "INSERT INTO toolkits (slug, name, description, version, tools, no_auth)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (slug) DO UPDATE SET name = excluded.name,"
                " description = excluded.description, version = excluded.version,"
                " tools = excluded.tools, no_auth = excluded.no_auth",
                rows,
            )
            here = json.dumps([row[0] for row in rows])
            connection.execute(
                "DELETE FROM toolkits WHERE slug NOT IN (SELECT value FROM json_each(?))", (here,)
            )
            connection.execute(
                "UPDATE tools SET replaced_at = ? WHERE replaced_at IS NULL"
                " AND toolkit NOT IN (SELECT slug FROM toolkits)",
                (_now(),),
            )
            _note_seen(connection, "toolkits")

    def write_tools(self, toolkit: str, edition: str, tools: Iterable[ListedTool]) -> None:
        """The tools a toolkit has now; versions that they replace are kept for a while."""
        rows = [_row(tool) for tool in tools]
        with self._change("tools") as connection:
            connection.execute(
                "UPDATE tools SET replaced_at = ? WHERE toolkit = ? AND replaced_at IS NULL",
                (_now(), toolkit),
            )
            connection.executemany(
                f"INSERT INTO tools ({_TOOL}, fault)"  # noqa: S608 - a constant
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (slug, version) DO UPDATE SET toolkit = excluded.toolkit,"
                " title = excluded.title, description = excluded.description, tags = excluded.tags,"
                " parameters = excluded.parameters, no_auth = excluded.no_auth, fault = excluded.fault,"
                " replaced_at = NULL",
                rows,
            )
            connection.execute(
                "UPDATE toolkits SET synced = ?, synced_at = ? WHERE slug = ?", (edition, _now(), toolkit)
            )
            connection.execute(
                "DELETE FROM tools WHERE toolkit = :toolkit AND replaced_at IS NOT NULL"
                " AND replaced_at NOT IN (SELECT DISTINCT replaced_at FROM tools WHERE toolkit = :toolkit"
                " AND replaced_at IS NOT NULL ORDER BY replaced_at DESC LIMIT :kept)",
                {"toolkit": toolkit, "kept": KEPT},
            )

    def tools(self, toolkits: Collection[str]) -> list[ToolSpec]:
        """The usable tools of those toolkits, on no account."""
        with self._open() as connection:
            rows = connection.execute(
                f"SELECT {_TOOL} FROM tools WHERE replaced_at IS NULL AND fault IS NULL"  # noqa: S608 - a constant
                " AND toolkit IN (SELECT value FROM json_each(?))",
                (json.dumps(sorted(toolkits)),),
            ).fetchall()
        return [_spec(row) for row in rows]

    def tool(self, slug: str) -> ToolSpec | None:
        """A usable tool as it is now."""
        found = self._versions(slug, "replaced_at IS NULL")
        return found[0] if found else None

    def earlier(self, slug: str) -> list[ToolSpec]:
        """The versions of a tool that were replaced and are kept, the latest first."""
        return self._versions(slug, "replaced_at IS NOT NULL")

    def _versions(self, slug: str, which: str) -> list[ToolSpec]:
        with self._open() as connection:
            rows = connection.execute(
                f"SELECT {_TOOL} FROM tools WHERE slug = ? AND fault IS NULL AND {which}"  # noqa: S608 - constants
                " ORDER BY replaced_at DESC",
                (slug,),
            ).fetchall()
        return [_spec(row) for row in rows]

    def faults(self) -> list[tuple[str, str]]:
        """The tools that cannot be used, and why."""
        with self._open() as connection:
            return connection.execute(
                "SELECT slug, fault FROM tools WHERE replaced_at IS NULL AND fault IS NOT NULL ORDER BY slug"
            ).fetchall()

    def number_of_tools(self) -> int:
        """How many usable tools there are."""
        with self._open() as connection:
            return connection.execute(
                "SELECT count(*) FROM tools WHERE replaced_at IS NULL AND fault IS NULL"
            ).fetchone()[0]

    def accounts(self, user: str) -> dict[str, str]:
        """By toolkit, the account the user had when they were last listed."""
        with self._open() as connection:
            return dict(
                connection.execute("SELECT toolkit, account FROM accounts WHERE user = ?", (user,)).fetchall()
            )

    def write_accounts(self, user: str, accounts: Mapping[str, str]) -> None:
        """The accounts the user has now."""
        if self.last_seen(f"accounts:{user}") and self.accounts(user) == accounts:
            with self._open() as connection:
                _note_seen(connection, f"accounts:{user}")
            return
        with self._change("accounts") as connection:
            connection.execute("DELETE FROM accounts WHERE user = ?", (user,))
            connection.executemany(
                "INSERT INTO accounts (user, toolkit, account) VALUES (?, ?, ?)",
                [(user, toolkit, account) for toolkit, account in accounts.items()],
            )
            _note_seen(connection, f"accounts:{user}")

    def last_seen(self, what: str) -> datetime | None:
        """When `toolkits` or `accounts:USER` were last asked for."""
        with self._open() as connection:
            row = connection.execute("SELECT at FROM seen WHERE what = ?", (what,)).fetchone()
        return datetime.fromisoformat(row[0]) if row else None

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        try:
            if not self._is_made or not self._path.exists():
                self._make()
            with closing(
                sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
            ) as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF in _UNREADABLE:
                self._set_aside()
            raise StoreUnavailable(f"{self._path} cannot be used: {error}.", remedy=_REMEDY) from error

    @contextmanager
    def _change(self, what: str) -> Generator[sqlite3.Connection]:
        """One transaction, after which `changes` has another number for `what`."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("UPDATE changes SET number = number + 1 WHERE what = ?", (what,))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _make(self) -> None:
        """Make the file and its tables if they are not there; only its owner may read it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        with closing(sqlite3.connect(self._path, timeout=BUSY_SECONDS)) as connection:
            connection.executescript(f"BEGIN IMMEDIATE;{_TABLES}COMMIT;")
        self._is_made = True

    def _set_aside(self) -> None:
        """Move the file, and what SQLite has beside it, out of the way of a new one."""
        self._is_made = False
        for suffix in ("", "-journal"):
            file = self._path.with_name(f"{self._path.name}{suffix}")
            with suppress(OSError):  # another process was first, or may do what this one may not
                file.replace(file.with_name(f"{self._path.name}.unreadable{suffix}"))
        _log.warning("%s cannot be read, and is moved aside for a new one", self._path)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _note_seen(connection: sqlite3.Connection, what: str) -> None:
    connection.execute("INSERT OR REPLACE INTO seen (what, at) VALUES (?, ?)", (what, _now()))


def _row(tool: ListedTool) -> tuple[Any, ...]:
    tags, parameters = json.dumps(list(tool.tags)), json.dumps(dict(tool.parameters), ensure_ascii=False)
    return (tool.slug, tool.version, tool.toolkit, tool.title, tool.description, tags, parameters,
            tool.no_auth, tool.fault)  # fmt: skip


def _spec(row: Sequence[Any]) -> ToolSpec:
    slug, version, toolkit, title, description, tags, parameters, no_auth = row
    return ToolSpec(
        slug=slug,
        toolkit=toolkit,
        title=title,
        description=description,
        parameters=StoredSchema(parameters),
        hints=cast("frozenset[Hint]", _HINTS.intersection(json.loads(tags))),
        version=version,
        needs_account=not no_auth,
    )
