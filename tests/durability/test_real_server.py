"""`nexus serve` itself, with three people: killed while each one's thread is at another place, started again.

Every thread comes to a state that its own user, and nobody else, sees explained.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.serving import request
from tests.cli.console import Home

ROOT = Path(__file__).parents[2]
PLAIN = ROOT / "tests" / "servers" / "mcp" / "plain.py"
PROGRAM = "tests.durability.planned_server"

pytestmark = pytest.mark.timeout(600)


@dataclass
class Office:
    """A home whose people share one MCP server."""

    folder: Path
    keys: dict[str, str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def written(self) -> list[dict[str, Any]]:
        """Every call that reached the MCP server."""
        file = self.folder / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @contextmanager
    def served(self) -> Iterator[dict[str, httpx.Client]]:
        """A client for each of the people, of a server process that is killed at the end."""
        home = Home(self.home, PROGRAM)
        with ExitStack() as stack:
            log = stack.enter_context((self.folder / "server.log").open("ab"))
            server = stack.enter_context(
                subprocess.Popen(
                    home.command("serve", "--port", "0"),
                    env=home.environment(),
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
            )
            stack.callback(server.kill)
            line = next((line for line in server.stdout or () if "http://" in line), "")
            assert line, (self.folder / "server.log").read_text()
            url = "http://" + line.split("http://")[1].split()[0]
            yield {
                name: stack.enter_context(
                    httpx.Client(
                        base_url=url, timeout=60, trust_env=False, headers={"Authorization": f"Bearer {key}"}
                    )
                )
                for name, key in self.keys.items()
            }


@pytest.fixture(name="office")
def _office(tmp_path: Path) -> Iterator[Office]:
    home = tmp_path / "home"
    home.mkdir()
    command = json.dumps([str(PLAIN), str(tmp_path)])
    (home / "nexus.toml").write_text(
        f"[mcp.plain]\ncommand = {json.dumps(sys.executable)}\nargs = {command}\nshared = true\n"
    )
    program = Home(home, "nexus")
    names = ("ana", "ben", "carl")
    keys = {name: _key(program.nexus("users", "add", name, "--json").lines) for name in names}
    yield Office(tmp_path, keys)
    for started in (tmp_path / "starts.txt").read_text().split():
        with suppress(ProcessLookupError):  # what hangs outlives the server that started it
            os.kill(int(started), signal.SIGKILL)


def _key(lines: list[dict[str, Any]]) -> str:
    return str(lines[-1]["key"])


def asks(client: httpx.Client, thread: str, text: str) -> dict[str, Any]:
    """A request in a new thread, until it asks; the question."""
    client.post("/threads", json={"thread_id": thread}).raise_for_status()
    client.post(f"/threads/{thread}/runs/wait", json=request(text)).raise_for_status()
    (approval,) = story(client, thread)["approvals"]
    return approval


def approves(client: httpx.Client, approval: dict[str, Any]) -> None:
    body = {"type": "approve", "digest": approval["digest"]}
    client.post(f"/approvals/{approval['id']}/decision", json=body).raise_for_status()


def story(client: httpx.Client, thread: str) -> dict[str, Any]:
    return client.get(f"/threads/{thread}/story").raise_for_status().json()


def stopped(client: httpx.Client, thread: str, *statuses: str) -> dict[str, Any]:
    """The thread once it stands so; asking is all the waiting there is."""
    while (told := story(client, thread))["status"] not in statuses:
        pass
    return told


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program holds the write lock, so that no checkpoint can be written."""
    with sqlite3.connect(file, isolation_level=None) as lock:
        lock.execute("BEGIN IMMEDIATE")
        yield
        lock.execute("ROLLBACK")


def rows(office: Office, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(office.home / "nexus.db") as database:
        return database.execute(query).fetchall()


def test_whatever_a_kill_cut_off_goes_on_and_is_explained_to_its_own_user_only(office: Office) -> None:
    users = office.home / "users"
    with ExitStack() as locks, office.served() as people:  # the server dies before the locks are let go
        ana, ben, carl = people["ana"], people["ben"], people["carl"]
        decided = asks(ana, "anas", "Write hello into the plain file")
        sent = asks(ben, "bens", "Write hello slowly into the plain file")
        approves(ben, sent)
        while not office.written():  # the call is claimed, and has no outcome
            pass
        carl.post("/threads", json={"thread_id": "carls"}).raise_for_status()
        for name in ("ana", "carl"):
            locks.enter_context(locked(users / name / "checkpoints.db"))
        approves(ana, decided)  # on record, and nothing can go on
        carl.post("/threads/carls/runs", json=request("Write hello into the plain file")).raise_for_status()
    assert rows(office, "SELECT user, outcome FROM effects") == [("ben", None)]
    assert rows(office, "SELECT state FROM approvals WHERE user = 'ana'") == [("approved",)]
    assert rows(office, "SELECT status FROM runs WHERE user = 'carl'") == [("running",)]

    with office.served() as people:
        ana, ben, carl = people["ana"], people["ben"], people["carl"]
        told = stopped(ana, "anas", "idle")
        assert (told["answer"], told["explanation"]) == (
            "It is written.",
            "The request was served, and answered.",
        )
        told = stopped(ben, "bens", "waiting")
        assert "plain_hang was sent, and nobody can know whether it happened" in told["explanation"]
        assert "The program ended while this call was under way" in told["explanation"]
        (outcome,) = ben.get("/outcomes").json()
        assert (outcome["state"], outcome["arguments"]) == ("open", {"text": "hello"})
        assert outcome["approval"] == told["approvals"][0]
        told = stopped(carl, "carls", "waiting")
        assert told["explanation"] == "plain_write was not sent: it waits for you to decide."

        own = {"ana": "anas", "ben": "bens", "carl": "carls"}
        for name, client in people.items():
            for other in own.values():
                expected = 200 if other == own[name] else 404
                assert client.get(f"/threads/{other}/story").status_code == expected
        assert ana.get("/outcomes").json() == carl.get("/outcomes").json() == []
        assert ana.get(f"/outcomes/{outcome['id']}").status_code == 404

        said = {"type": "happened", "result": "The line is there.", "digest": outcome["approval"]["digest"]}
        path = f"/outcomes/{outcome['id']}/resolution"
        assert carl.post(path, json=said).status_code == 404
        ben.post(path, json=said, params={"wait": "true"}).raise_for_status()
        approves(carl, told["approvals"][0])
        assert stopped(carl, "carls", "idle")["answer"] == "It is written."
        results = [step for step in stopped(ben, "bens", "idle")["steps"] if step["kind"] == "result"]
        assert "it did happen: The line is there." in results[-1]["text"]
    assert sorted(call["tool"] for call in office.written()) == ["hang", "write", "write"]
    assert sorted(rows(office, "SELECT user, outcome FROM effects")) == [
        ("ana", "done"),
        ("ben", "done"),
        ("carl", "done"),
    ]
