from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from nexus.settings import load_settings
from nexus.testing import ScriptedModel
from nexus.wiring.users import open_users
from tests.clients.scripted_chat import scripted_chat

pytestmark = [pytest.mark.studio, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
CONNECT_RETRIES = 8  # httpx waits half a second, then twice as long each time
REQUEST = "Email design@example.com that the review moved to Friday 3pm"
LETTER = {
    "to": ["design@example.com"],
    "subject": "Review moved",
    "body": "The review moved to Friday 3pm.",
}


def checkout(folder: Path) -> Path:
    """The project again, by links: the development server keeps its own files where it is started."""
    place = folder / "checkout"
    place.mkdir()
    for name in ("langgraph.json", "nexus", "graphs", "pyproject.toml"):
        (place / name).symlink_to(ROOT / name)
    return place


@contextmanager
def studio(home: Path, model: str) -> Iterator[SyncLangGraphClient]:
    """`langgraph dev` on the project's own langgraph.json, as a person would start it, and a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "NEXUS_HOME": str(home),
        "NEXUS_MODEL": model,
        "PYTHONPATH": str(ROOT),
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "LANGSMITH_TRACING": "false",
    }
    place = checkout(home.parent)
    program = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
    command = [*program, "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    log = place / "studio.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(command, env=environment, cwd=place, stdout=out, stderr=out) as server,
    ):
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=CONNECT_RETRIES)) as client:
                client.get(f"{url}/ok", timeout=60).raise_for_status()
            with get_sync_client(url=url) as sdk:
                yield sdk
        finally:
            server.terminate()
    assert "Blocking call" not in log.read_text()


def as_others_see_it(client: SyncLangGraphClient, home: Path) -> None:
    """From the first user on only the owner's key counts, also for pages that say they are Studio."""
    keys = asyncio.run(keys_of(home, "ana", "owner"))
    url = str(client.http.client.base_url)
    for headers, status in (
        ({}, 401),
        ({"x-auth-scheme": "langsmith"}, 401),
        ({"Authorization": f"Bearer {keys['ana']}"}, 403),
        ({"Authorization": f"Bearer {keys['owner']}"}, 200),
        ({"X-Api-Key": keys["owner"]}, 200),
    ):
        answer = httpx.post(f"{url}/threads/search", json={}, headers=headers, trust_env=False)
        assert answer.status_code == status, headers


async def keys_of(home: Path, *names: str) -> dict[str, str]:
    async with open_users(load_settings(home=home)) as users:
        return {name: await users.add(name) for name in names}


def rows(home: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(home / "nexus.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_studio_runs_the_graph_to_its_question_and_on_with_the_same_ledger(tmp_path: Path, decision: str):
    home = tmp_path / "home"
    model = ScriptedModel().calls(("desk_send_email", LETTER), answer="Sent.")
    with scripted_chat(model) as setting, studio(home, setting) as client:
        thread = client.threads.create()["thread_id"]
        message = {"role": "user", "content": REQUEST}
        asked: Any = client.runs.wait(thread, "nexus", input={"messages": [message]})
        (question,) = asked["__interrupt__"]
        assert question["value"]["action_requests"][0]["name"] == "desk_send_email"
        assert question["value"]["action_requests"][0]["args"] == LETTER
        assert list((home / "desk" / "mail" / "outbox").glob("*.eml")) == []

        answer = {"resume": {"decisions": [{"type": decision}]}}
        client.runs.wait(thread, "nexus", command=answer)
        client.runs.wait(thread, "nexus", command=answer)  # a click too many
        assert client.threads.get_state(thread)["next"] == []
        client.store.put_item(["notes"], "wifi", {"text": "on the fridge"})
        as_others_see_it(client, home)

    assert (home / "studio" / "checkpoints.db").exists()
    sent = [message_from_bytes(file.read_bytes()) for file in (home / "desk").rglob("outbox/*.eml")]
    settled = rows(home, "SELECT outcome FROM effects")
    assert rows(home, "SELECT state FROM approvals") == [
        ("approved" if decision == "approve" else "rejected",)
    ]
    if decision == "approve":
        assert [letter["To"] for letter in sent] == ["design@example.com"]
        assert settled == [("done",)]
    else:
        assert sent == []
        assert settled == []
