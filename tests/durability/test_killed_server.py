"""A server that is killed while runs are under way or accepted: the next one goes on with them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.serving import new_thread, request, settled

TOP = Path(__file__).parents[2]


@contextmanager
def serving(folder: Path) -> Iterator[httpx.Client]:
    """A client of a server process, which is killed at the end."""
    command = [sys.executable, "-m", "tests.durability.mortal_server", str(folder)]
    with subprocess.Popen(command, cwd=TOP, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[3]
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
                yield client
        finally:
            server.send_signal(signal.SIGKILL)


def asked(folder: Path) -> None:
    """Wait until the model was asked."""
    while not (folder / "asked").exists():
        pass


def runs_of(client: httpx.Client, thread: str) -> list[dict[str, Any]]:
    return client.get(f"/threads/{thread}/runs").raise_for_status().json()


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "hang").touch()
    return tmp_path


def test_a_run_that_a_kill_cut_off_is_taken_up_and_pauses_at_its_question(folder: Path):
    with serving(folder) as client:
        thread = new_thread(client)
        run = client.post(f"/threads/{thread}/runs", json=request("Mail ana")).raise_for_status().json()
        asked(folder)
    (folder / "hang").unlink()
    with serving(folder) as client:
        while (story := settled(client, thread))["status"] != "waiting":
            pass
        assert [(each["run_id"], each["status"]) for each in runs_of(client, thread)] == [
            (run["run_id"], "interrupted")
        ]
        (approval,) = story["approvals"]
        answer = {"type": "approve", "digest": approval["digest"]}
        decision = f"/approvals/{approval['id']}/decision"
        done = client.post(decision, json=answer, params={"wait": "true"}).raise_for_status().json()
    assert (done["thread"]["ending"], done["thread"]["answer"]) == ("answered", "Sent.")


def test_a_run_that_waited_behind_another_is_not_lost_with_it(folder: Path):
    with serving(folder) as client:
        thread = new_thread(client)
        first = client.post(f"/threads/{thread}/runs", json=request("Mail ana")).raise_for_status().json()
        asked(folder)
        body = request("Mail ana again", multitask_strategy="enqueue")
        second = client.post(f"/threads/{thread}/runs", json=body).raise_for_status().json()
    with serving(folder) as client:
        assert {each["run_id"] for each in runs_of(client, thread)} == {first["run_id"], second["run_id"]}
        assert {each["status"] for each in runs_of(client, thread)} <= {"pending", "running"}
