"""A job of `sweep_server`: a server is killed while it starts, drives, pauses, resumes or cancels a run.

Whoever uses it speaks LangGraph's routes, and remembers what the server promised before it died.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx

from tests.durability.lives import PATIENCE, Person, until_cut_off
from tests.durability.mortal_server import Life, effects_of

MARK = "== "
"""Begins the lines, among the names of the places to die, that say what the person does next."""

Json = dict[str, Any]


class User:
    """Has one request served in a thread, then stops a second one; after a death sees to what is left."""

    def __init__(self, home: Path, graph: str, action: str) -> None:
        self._home = home
        self._graph = graph
        self._action = action
        self.thread: str | None = None
        self.promised: dict[str, str] = {}
        self.is_carried_out = self.is_to_stop = self.is_stopped = False

    def works(self, client: httpx.Client) -> None:
        """The life that may be cut off anywhere."""
        self._does("start")
        self.thread = client.post("/threads").raise_for_status().json()["thread_id"]
        first = self._starts(client, self.thread, "first")
        client.get(f"/threads/{self.thread}/runs/{first}/join").raise_for_status()
        self._does("resume")
        self._answers(client, self.thread).raise_for_status()
        self.is_carried_out = True
        self._hang.touch()
        second = self._starts(client, self.thread, "second")
        while not (self._home.parent / "asked").exists():
            client.get("/ok").raise_for_status()
        self._does("cancel")
        self.is_to_stop = True
        stop: Json = {"wait": "true", "action": self._action}
        client.post(f"/threads/{self.thread}/runs/{second}/cancel", params=stop).raise_for_status()
        self.is_stopped = True
        self._does("nothing")

    def comes_back(self, client: httpx.Client) -> Json:
        """Answer what is asked until nothing is left, then ask for one thing more; how all that went."""
        self._hang.unlink(missing_ok=True)
        found = client.post("/threads/search", json={}).raise_for_status().json()
        if not found:
            return {"status": "none", "lost": [self.thread] if self.thread else []}
        thread: str = found[0]["thread_id"]
        status = self._sees_to_the_end(client, thread)
        runs = client.get(f"/threads/{thread}/runs").raise_for_status().json()
        left = {run["run_id"]: run["status"] for run in runs}
        before = client.get(f"/threads/{thread}/state").raise_for_status().json()["values"]
        effects = [effect["arguments"]["subject"] for effect in effects_of(self._home)]
        again = client.post(f"/threads/{thread}/runs/wait", json=self._request("third"))
        return {
            "status": status,
            "runs": left,
            "lost": sorted(set(self.promised.values()) - set(left)),
            "said": self._said(before),
            "answers": before.get("answers", []),
            "effects": effects,
            "again": again.status_code,
            "asks_again": "__interrupt__" in again.json(),
        }

    def _sees_to_the_end(self, client: httpx.Client, thread: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            runs = client.get(f"/threads/{thread}/runs").raise_for_status().json()
            now = client.get(f"/threads/{thread}").raise_for_status().json()
            if now["status"] == "busy" or any(run["status"] in {"pending", "running"} for run in runs):
                continue
            if not now["interrupts"]:
                return now["status"]
            self._answers(client, thread).raise_for_status()
        return "stuck"

    def _starts(self, client: httpx.Client, thread: str, what: str) -> str:
        answer = client.post(f"/threads/{thread}/runs", json=self._request(what)).raise_for_status().json()
        self.promised[what] = answer["run_id"]
        return answer["run_id"]

    def _request(self, what: str) -> Json:
        if self._graph == "works":
            return {"assistant_id": "works", "input": {"x": what}}
        message = {"role": "user", "content": f"mail ana@example.com, {what}"}
        return {"assistant_id": "nexus", "input": {"messages": [message]}}

    def _answers(self, client: httpx.Client, thread: str) -> httpx.Response:
        """A yes to the first request's question, a no to the second's; the truth about what is unknown."""
        resume: Any = "yes"
        if self._graph == "nexus":
            (approval,) = Person.story(client, thread)["approvals"]
            decision: Json = {"type": "reject" if self.is_carried_out else "approve"}
            if approval["question"] == "outcome" and effects_of(self._home):
                decision = {"type": "respond", "message": "I saw it"}
            resume = {"decisions": [decision]}
        body = {"assistant_id": self._graph, "command": {"resume": resume}}
        return client.post(f"/threads/{thread}/runs/wait", json=body)

    def _said(self, values: Json) -> list[str]:
        if self._graph == "works":
            return values.get("seen", [])
        texts = [each["content"] for each in values.get("messages", ()) if each["type"] == "human"]
        return [text.rpartition(" ")[2] for text in texts]

    @property
    def _hang(self) -> Path:
        return self._home.parent / "hang"

    def _does(self, what: str) -> None:
        self._home.parent.mkdir(parents=True, exist_ok=True)
        with (self._home.parent / "points").open("a") as file:
            file.write(f"{MARK}{what}\n")


def cut(job: Json) -> Json:
    """Two lives of a server: one that is cut off at a point and the next."""
    home = Path(job["home"])
    user = User(home, job["graph"], job["action"])
    with Life(home, deadly=job.get("point")) as server, until_cut_off(server):
        user.works(server.client)
    points = (home.parent / "points").read_text().splitlines()
    with Life(home) as server:
        return {
            "points": points,
            "promised": user.promised,
            "stopped": [user.is_to_stop, user.is_stopped],
            "carried_out": user.is_carried_out,
            **user.comes_back(server.client),
        }
