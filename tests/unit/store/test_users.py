"""Users: a key is told once and kept nowhere; every row belongs to somebody; old rows are the owner's."""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest

import nexus.store
from nexus.core.action import Digest, ThreadId
from nexus.core.effect import Claim, Claimed, Effect, Settled
from nexus.core.roles import Caller
from nexus.core.user import OWNER
from nexus.errors import Conflict, InvalidInput, NotFound, Refused, Unidentified
from nexus.store.approvals import SqliteApprovals
from nexus.store.database import Database
from nexus.store.experience import SqliteExperience
from nexus.store.ledger import SqliteLedger
from nexus.store.owner import Owner
from nexus.store.threads import SqliteThreads
from nexus.store.users import SqliteUsers
from nexus.testing import FakeClock

STORE = Path(nexus.store.__path__[0])

LAST_WITHOUT_USERS = 2
"""The number of the last migration that knew of no users."""

DAY, IN_A_YEAR = "2026-11-01T00:00:00+00:00", "2027-11-01T00:00:00+00:00"
OLD_ROWS: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("threads", ("t", "a title", DAY, DAY)),
    (
        "approvals",
        (
            *("c-1", "t", "c", 1, "send", "{}", "action", "d", "why", "p", "{}", DAY, IN_A_YEAR),
            *("approved", DAY, "cli:ana", None, None),
        ),
    ),
    ("effects", ("c.1", "t", "send", "d", "c-1", "token", DAY, "done", "sent", "ref", None, None)),
    ("experience", (1, "owner", "send", "mail her", "c.1", DAY)),
    ("experience", (2, "ana", "send", "mail him", "e.1", DAY)),
)
"""A row of everything."""


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(name="database")
async def _database(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Database]:
    database = Database(tmp_path / "nexus.db", clock)
    yield database
    await database.close()


@pytest.fixture(name="users")
def _users(database: Database) -> SqliteUsers:
    return SqliteUsers(database)


async def test_a_key_names_its_user_and_no_other_key_does(users: SqliteUsers):
    ana, ben = await users.add("ana"), await users.add("ben")
    assert await users.identify(ana) == Caller("ana", "user")
    assert await users.identify(ben) == Caller("ben", "user")
    for wrong in ("", "x", ana[:-1], f"{ana}x", ana.upper(), "'; --", "é" * 50, None):
        with pytest.raises(Unidentified):
            await users.identify(wrong)


async def test_a_key_is_long_and_random_and_not_in_the_file(users: SqliteUsers, tmp_path: Path):
    keys = {await users.add(f"user-{number}") for number in range(20)}
    kept = b"".join((tmp_path / name).read_bytes() for name in ("nexus.db", "nexus.db-wal"))
    assert b"user-19" in kept
    assert len(keys) == 20
    for key in keys:
        secret = key.removeprefix("nexus_")
        assert len(secret) == 43  # 256 bits, 6 a character
        assert secret.encode() not in kept


async def test_without_users_whoever_comes_is_the_owner_and_never_again_after(users: SqliteUsers):
    assert await users.identify(None) == Caller(OWNER, "admin")
    await users.add("ana")
    await users.revoke("ana")
    with pytest.raises(Unidentified, match="needs a key"):
        await users.identify(None)


async def test_a_revoked_key_stays_invalid_and_its_user_gets_a_new_one(users: SqliteUsers, clock: FakeClock):
    old = await users.add("ana")
    with pytest.raises(Conflict, match="has a key already"):
        await users.add("ana")
    revoked = await users.revoke("ana")
    assert revoked.revoked_at == clock.now()
    clock.advance(timedelta(hours=1))
    assert (await users.revoke("ana")).revoked_at == revoked.revoked_at
    with pytest.raises(Unidentified, match="not valid"):
        await users.identify(old)
    new = await users.add("ana")
    assert await users.identify(new) == Caller("ana", "user")
    with pytest.raises(Unidentified):
        await users.identify(old)
    (ana,) = await users.search()
    assert (ana.id, ana.created_at, ana.revoked_at) == ("ana", clock.now(), None)


async def test_there_is_nobody_to_revoke(users: SqliteUsers):
    with pytest.raises(NotFound, match="nobody"):
        await users.revoke("nobody")


@pytest.mark.parametrize("name", ["a", "7", "ana", "ana.maria", "a_b-c", "a" * 64])
async def test_a_user_id_names_a_folder_and_a_composio_user(users: SqliteUsers, name: str):
    await users.add(name)
    assert [user.id for user in await users.search()] == [name]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", "Ana", "ana ", "ana\n", "-a", "a.", "é", "a" * 65, "a\0"]
)
async def test_any_other_name_is_refused_and_nobody_added(users: SqliteUsers, name: str):
    with pytest.raises(InvalidInput, match="name: "):
        await users.add(name)
    assert await users.search() == []


async def test_threads_of_one_id_are_as_many_as_their_users(database: Database):
    ana, ben = SqliteThreads(database, "ana"), SqliteThreads(database, "ben")
    await ana.create(ThreadId("same"), title="of ana")
    with pytest.raises(NotFound):
        await ben.get("same")
    await ben.create(ThreadId("same"))
    await ben.touch(ThreadId("same"), title="of ben")
    assert [(await of.get("same")).title for of in (ana, ben)] == ["of ana", "of ben"]
    assert [[thread.title for thread in await of.search()] for of in (ana, ben)] == [["of ana"], ["of ben"]]
    assert await SqliteThreads(database).search() == []


async def test_a_claim_of_one_user_is_none_of_anothers(database: Database, tmp_path: Path):
    process = Owner(tmp_path / "owners")
    ana, ben = (SqliteLedger(database, process, user) for user in ("ana", "ben"))
    claim = Claim("k.1", ThreadId("t"), "read", Digest("digest"), needs_approval=False, is_repeatable=False)
    assert isinstance(await ana.claim(claim, approval_id=""), Claimed)
    await ana.settle("k.1", Effect("done", "what Ana read"))
    assert await ben.get("k.1") is None
    assert isinstance(await ben.claim(claim, approval_id=""), Claimed)
    await ben.release("k.1")
    assert await ana.claim(claim, approval_id="") == Settled(Effect("done", "what Ana read"))
    process.close()


async def test_only_users_with_threads_and_a_valid_key_have_runs_that_may_go_on(
    users: SqliteUsers, database: Database
):
    for name in ("ana", "ben", "carl"):
        await users.add(name)
    for name in ("ana", "carl", OWNER):
        await SqliteThreads(database, name).create(ThreadId("t"))
    await users.revoke("carl")
    assert await users.with_threads() == [OWNER, "ana"]


async def test_what_was_there_before_there_were_users_is_the_owners(tmp_path: Path, clock: FakeClock):
    _make_old_file(tmp_path / "nexus.db")
    database, process = Database(tmp_path / "nexus.db", clock), Owner(tmp_path / "owners")
    (thread,) = await SqliteThreads(database).search()
    (approval,) = await SqliteApprovals(database).search(pending_only=False)
    assert (thread.id, thread.title) == ("t", "a title")
    assert (approval.id, approval.state, approval.decided_by) == ("c-1", "approved", "cli:ana")
    assert await SqliteLedger(database, process).get("c.1") == Effect("done", "sent", "ref")
    assert await SqliteExperience(database).examples(OWNER) == {"send": ["mail her"]}
    assert await SqliteExperience(database).examples("ana") == {"send": ["mail him"]}
    ana = SqliteApprovals(database, "ana")
    assert (await SqliteThreads(database, "ana").search(), await ana.search(pending_only=False)) == ([], [])
    claim = Claim("c.2", ThreadId("t"), "send", Digest("d"), needs_approval=True, is_repeatable=False)
    with pytest.raises(Refused):
        await SqliteLedger(database, process, "ana").claim(claim, approval_id="c-1")
    assert isinstance(await SqliteLedger(database, process).claim(claim, approval_id="c-1"), Claimed)
    await database.close()
    process.close()


def _make_old_file(path: Path) -> None:
    """A database as it was before there were users."""
    scripts = sorted((resources.files("nexus.store") / "sql").iterdir(), key=lambda script: script.name)
    with closing(sqlite3.connect(path)) as connection:
        for script in scripts[:LAST_WITHOUT_USERS]:
            connection.executescript(script.read_text())
        for table, values in OLD_ROWS:
            places = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO {table} VALUES ({places})", values)  # noqa: S608 - our own names
        connection.execute(f"PRAGMA user_version = {LAST_WITHOUT_USERS}")
        connection.commit()


NOBODYS = {"meta", "users", "webhooks"}
"""Tables whose rows belong to no user: the clock, the users themselves, and what must be taken only once."""

POST = {"endpoints", "deliveries", "attempts", "links"}
"""Tables that one deliverer works through for all users; their keys are random."""


async def test_every_other_table_has_its_user_in_front_of_its_key(database: Database):
    def keys(connection: sqlite3.Connection) -> dict[str, list[str]]:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {row["name"]: _unique_columns(connection, row["name"]) for row in tables}

    for table, columns in (await database.read(keys)).items():
        assert table in NOBODYS | POST or set(columns) == {"user"}, f"{table}: {columns}"


def _unique_columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """The first column of everything that must be unique in the table."""
    indexes = connection.execute(f"PRAGMA index_list({table})").fetchall()
    return [
        connection.execute(f"PRAGMA index_info({index['name']})").fetchone()["name"]
        for index in indexes
        if index["unique"]
    ]


@pytest.mark.parametrize("module", sorted(STORE.glob("*.py")), ids=lambda path: path.stem)
def test_every_statement_about_what_belongs_to_a_user_names_one(module: Path):
    others = "|".join([*NOBODYS, *POST, "checkpoints", "writes", "json_each"])
    about = re.compile(rf"\b(?:FROM|INTO|UPDATE|JOIN) (?!{others})[a-z]")
    for text in _texts(ast.parse(module.read_text())):
        assert not about.search(text) or "user" in text, text


def _texts(tree: ast.AST) -> Iterator[str]:
    """Every text of a program that is no documentation, with what is put into it left out."""
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr():
                yield "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
            case ast.Call(args=arguments):
                yield from (
                    part.value
                    for part in arguments
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )
            case ast.Assign(value=ast.Constant(value=str(text))):
                yield text
            case _:
                pass
