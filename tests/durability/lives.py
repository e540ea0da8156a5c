"""Jobs of `sweep_server`: a server lives and dies, and a person uses it over HTTP, before and after."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.api.serving import request
from tests.durability.mortal_server import MAIL, Life, effects_of

ANSWERS: dict[str, dict[str, Any]] = {
    "approve": {"type": "approve"},
    "reject": {"type": "reject"},
    "edit": {"type": "edit", "edited_action": {"name": "send", "args": {**MAIL, "subject": "edited"}}},
}

PATIENCE = 120.0
"""Seconds after which a thread that does not go on by itself counts as stuck."""


class Person:
    """Asks for one thing and decides on it; looks before answering, and again after a server's death."""

    def __init__(self, home: Path, decision: str) -> None:
        self._home = home
        self._decision = decision
        self.told = 0
        self.asked = 0
        self.unknown: str | None = None
        self.explained: list[str] = []

    def asks(self, client: httpx.Client) -> str:
        """A request in a new thread, until it stops."""
        thread: str = client.post("/threads").raise_for_status().json()["thread_id"]
        client.post(f"/threads/{thread}/runs/wait", json=request("mail ana@example.com")).raise_for_status()
        return thread

    def decides(self, client: httpx.Client, thread: str) -> httpx.Response:
        """An answer to the one open question, and what the server said to it."""
        return self.answers(client, self.question(client, thread))

    def question(self, client: httpx.Client, thread: str) -> dict[str, Any]:
        """The one open question."""
        (approval,) = self.story(client, thread)["approvals"]
        return approval

    def answers(self, client: httpx.Client, approval: dict[str, Any]) -> httpx.Response:
        """An answer to a question that was looked at, and what the server said to it."""
        answer = ANSWERS[self._decision]
        if approval["question"] == "outcome":
            happened = bool(effects_of(self._home))
            self.unknown = "it had happened" if happened else "it had not happened"
            listed = client.get("/outcomes").raise_for_status().json()
            (outcome,) = [each for each in listed if each["approval"] == approval]
            self.explained += outcome["explanation"]
            answer = {"type": "respond", "message": "I saw it"} if happened else ANSWERS["approve"]
        else:
            self.asked += 1
        url = f"/approvals/{approval['id']}/decision"
        response = client.post(url, json={**answer, "digest": approval["digest"]}, params={"wait": "true"})
        self.told += response.status_code == httpx.codes.OK and approval["question"] == "action"
        return response

    @staticmethod
    def story(client: httpx.Client, thread: str) -> dict[str, Any]:
        """The thread as it stands."""
        return client.get(f"/threads/{thread}/story").raise_for_status().json()

    def sees_to_the_end(self, client: httpx.Client) -> dict[str, Any]:
        """Answer whatever is asked until nothing is left to do; how it ended."""
        threads = client.post("/threads/search", json={}).raise_for_status().json()
        if not threads:
            return self._end("idle", {})
        thread = threads[0]["thread_id"]
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            story = self.story(client, thread)
            if story["status"] == "waiting":
                self.decides(client, thread).raise_for_status()
            elif story["status"] == "idle":
                return self._end("idle", story)
        return self._end("stuck", story)

    def _end(self, status: str, story: dict[str, Any]) -> dict[str, Any]:
        return {
            "status": status,
            "steps": len(story.get("steps", ())),
            "ending": story.get("ending"),
            "answer": story.get("answer"),
            "explanation": story.get("explanation", ""),
            "results": [step["text"] for step in story.get("steps", ()) if step["kind"] == "result"],
            "explained": self.explained,
            "unknown": self.unknown,
            "told": self.told,
            "asked": self.asked,
            "effects": effects_of(self._home),
            "ledger": _outcomes(self._home),
            "keys": _keys(self._home),
        }


def _outcomes(home: Path) -> list[str]:
    with sqlite3.connect(home / "nexus.db") as connection:
        return [row[0] for row in connection.execute("SELECT outcome FROM effects ORDER BY claimed_at")]


def _keys(home: Path) -> list[str]:
    with sqlite3.connect(home / "nexus.db") as connection:
        return [row[0] for row in connection.execute("SELECT key FROM effects ORDER BY claimed_at")]


def _orphans(home: Path) -> list[str]:
    """Decisions that are on record without the run that carries them out, as the files lie."""
    query = (
        "SELECT id FROM approvals WHERE state IN ('approved', 'edited', 'rejected', 'responded')"
        " AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.user = approvals.user"
        " AND runs.thread = approvals.thread AND runs.created_at = approvals.decided_at)"
    )
    try:
        with sqlite3.connect(home / "nexus.db") as connection:
            return [row[0] for row in connection.execute(query)]
    except sqlite3.OperationalError:  # it died before there were any tables, or a file
        return []


def life(job: dict[str, Any]) -> dict[str, Any]:
    """Two lives: one that may end at a point or after a time, and one that sees to the rest."""
    home = Path(job["home"])
    person = Person(home, job["decision"])
    with Life(home, deadly=job.get("point")) as server:
        if job.get("point") is None:  # most of a short life is its start, and that has points enough
            with until_cut_off(server):
                server.client.get("/ok")
        began = time.monotonic()
        with _killed_after(server, job.get("after")), until_cut_off(server):
            thread = person.asks(server.client)
            person.decides(server.client, thread)
        died, seconds = server.is_over, time.monotonic() - began
    file = home.parent / "points"  # not there if it died before its first step
    points = file.read_text().splitlines() if file.exists() else []
    facts = {"died": died, "points": points, "seconds": seconds, "orphans": _orphans(home)}
    with Life(home) as server:
        return {**facts, **person.sees_to_the_end(server.client)}


@contextmanager
def until_cut_off(server: Life) -> Iterator[None]:
    """A server that dies may cut off whoever talks to it."""
    try:
        yield
    except httpx.TransportError:
        server.kill()


@contextmanager
def _killed_after(server: Life, seconds: float | None) -> Iterator[None]:
    timer = threading.Timer(seconds or 0.0, os.kill, (server.pid, signal.SIGKILL))
    if seconds is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if seconds is not None:
            timer.join()


def fault(job: dict[str, Any]) -> dict[str, Any]:
    """A server whose system calls fail, or kill it, while it carries out a decision."""
    home = Path(job["home"])
    person = Person(home, job["decision"])
    with Life(home) as server:
        thread = person.asks(server.client)
        with _strace(server.pid, job["strace"], home.parent / "strace.log"), until_cut_off(server):
            person.decides(server.client, thread)
        died = server.is_over
        if not died and not job.get("restart"):
            end = person.sees_to_the_end(server.client)
    if died or job.get("restart"):
        with Life(home) as server:
            end = person.sees_to_the_end(server.client)
    log = (home.parent / "strace.log").read_text()
    return {"died": died, "injected": log.count("INJECTED"), "log": _calls(log), **end, **_intact(home)}


def _calls(log: str) -> dict[str, int]:
    """How often each thread made each system call, at most."""
    counted: dict[tuple[str, str], int] = {}
    for thread, name in re.findall(r"^(\d+) +(\w+)\(", log, re.MULTILINE):
        counted[thread, name] = counted.get((thread, name), 0) + 1
    most: dict[str, int] = {}
    for (_, name), number in counted.items():
        most[name] = max(number, most.get(name, 0))
    return most


def _intact(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("nexus.db", "checkpoints.db"):
        with sqlite3.connect(home / name) as connection:
            found[name] = connection.execute("PRAGMA integrity_check").fetchone()[0]
    return found


@contextmanager
def _strace(pid: int, options: list[str], log: Path) -> Iterator[None]:
    command = ["strace", "-f", "-p", str(pid), "-o", str(log), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        assert "attached" in said, said
        try:
            yield
        finally:
            tracer.terminate()
            tracer.stderr.read()


def locked(job: dict[str, Any]) -> dict[str, Any]:
    """Another program holds the write lock of a file while a person decides, or while it is carried out."""
    home = Path(job["home"])
    person = Person(home, "approve")
    with Life(home) as server:
        approval = person.question(server.client, person.asks(server.client))
        lock = sqlite3.connect(home / job["file"], isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        said = person.answers(server.client, approval)
        sent = len(effects_of(home))
        lock.execute("ROLLBACK")
        lock.close()
        return {**_said(said), "sent": sent, **person.sees_to_the_end(server.client)}


def full(job: dict[str, Any]) -> dict[str, Any]:
    """A disk without room while a person decides; `home` is on a small one."""
    home = Path(job["home"])
    person = Person(home, "approve")
    with Life(home) as server:
        approval = person.question(server.client, person.asks(server.client))
        ballast = home.parent.parent / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(os.urandom(4096))
            except OSError:
                pass
        said = person.answers(server.client, approval)
        sent = len(effects_of(home))
        ballast.unlink()
        return {**_said(said), "sent": sent, **person.sees_to_the_end(server.client)}


def clock(job: dict[str, Any]) -> dict[str, Any]:
    """A server whose clock is turned between the question and the answer; then one with the right time."""
    home, turned = Path(job["home"]), timedelta(hours=job["hours"])
    person = Person(home, "approve")
    with Life(home) as server:
        approval = person.question(server.client, person.asks(server.client))
    with Life(home, clock=turned) as server:
        said = person.answers(server.client, approval)
        sent = len(effects_of(home))
    # A clock that was ahead has left its mark: the right time comes to it only later.
    with Life(home, clock=max(turned, timedelta())) as server:
        return {**_said(said), "sent": sent, **person.sees_to_the_end(server.client)}


def _said(response: httpx.Response) -> dict[str, Any]:
    return {
        "code_said": response.status_code,
        "said": response.json(),
        "retry_after": response.headers.get("retry-after"),
    }


def contest(job: dict[str, Any]) -> dict[str, Any]:
    """Eight servers over one database; in each round as many people answer one question at once."""
    home, rounds = Path(job["home"]), []
    with ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        servers = [stack.enter_context(Life(home)) for _ in range(8)]
        person = Person(home, "approve")
        for each in range(job["rounds"]):
            thread = person.asks(servers[0].client)
            approval = person.question(servers[0].client, thread)
            post = partial(_answer_at_once, approval, threading.Barrier(8))
            kinds = [("approve", "reject")[(number + each) % 2] for number in range(8)]
            said = list(pool.map(post, servers, kinds))
            while (story := person.story(servers[0].client, thread))["status"] != "idle":
                pass
            row = servers[0].client.get(f"/approvals/{approval['id']}").json()
            rounds.append(
                {"said": said, "state": row["state"], "call": approval["id"], "ending": story["ending"]}
            )
    return {"rounds": rounds, "effects": effects_of(home), "ledger": _outcomes(home)}


def _answer_at_once(
    approval: dict[str, Any], line: threading.Barrier, server: Life, kind: str
) -> tuple[str, int]:
    line.wait()
    url, body = f"/approvals/{approval['id']}/decision", {"type": kind, "digest": approval["digest"]}
    return kind, server.client.post(url, json=body).status_code


LIVES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "life": life,
    "fault": fault,
    "locked": locked,
    "full": full,
    "clock": clock,
    "contest": contest,
}
