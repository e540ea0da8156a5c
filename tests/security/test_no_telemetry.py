"""Nothing leaves the machine: a whole run under an audit hook, with every tracing switch turned on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from nexus.testing import ScriptedModel
from tests.clients.scripted_chat import scripted_chat

PROGRAM = """
import asyncio, json, sys

reached = []

def watch(event, arguments):
    if event == "socket.connect":
        reached.append(arguments[1])
    elif event == "socket.getaddrinfo":
        reached.append(arguments[0])

sys.addaudithook(watch)

from nexus.app import open_service
from nexus.core.decision import Approve
from nexus.runtime.runner import finish
from nexus.settings import load_settings

async def main():
    async with open_service(load_settings()) as service:
        thread = await service.runner.create_thread()
        last = await finish(service.runner.run(thread.id, sys.argv[1]))
        for approval in last.get("approvals", []):
            await service.runner.decide(approval, Approve(), actor="test")
            last = await finish(service.runner.resume(thread.id))
    print(json.dumps({"ending": last.get("ending"), "reached": [str(place) for place in reached]}))

asyncio.run(main())
"""
SWITCHES = {
    "LANGSMITH_TRACING": "true",
    "LANGCHAIN_TRACING_V2": "true",
    "LANGSMITH_API_KEY": "canary-key",
    "LANGSMITH_ENDPOINT": "http://tracing.example.com",
    "LANGCHAIN_ENDPOINT": "http://tracing.example.com",
    "HTTP_PROXY": "http://proxy.example.com:3128",
    "HTTPS_PROXY": "http://proxy.example.com:3128",
}


def test_a_whole_run_reaches_nothing_but_the_model_on_this_machine(tmp_path: Path):
    """No name is looked up and no address is connected to but the model server's own."""
    mail = {"to": ["design@example.com"], "subject": "Review", "body": "It moved to Friday 3pm."}
    model = ScriptedModel().calls(("desk_send_email", mail), answer="Sent.")
    with scripted_chat(model) as setting:
        environment = {**os.environ, **SWITCHES, "NEXUS_HOME": str(tmp_path), "NEXUS_MODEL": setting}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "Email design@example.com that the review moved to Friday 3pm"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["ending"] == "answered"
    assert len(list((tmp_path / "desk" / "mail" / "outbox").glob("*.eml"))) == 1
    assert report["reached"]
    assert all("127.0.0.1" in place for place in report["reached"]), report["reached"]
    assert "canary-key" not in done.stdout + done.stderr
