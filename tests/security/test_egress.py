"""Where connections go: to this machine with the desk, to Composio's one address with Composio."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nexus.testing import ScriptedModel
from tests.clients.scripted_chat import scripted_chat
from tests.security.test_no_telemetry import PROGRAM
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.running import running

REQUEST = "Email triage@example.com that the zebracanary login loops"
MAIL = {
    "recipient_email": "triage@example.com",
    "subject": "Login",
    "body": "It loops, says the zebracanary.",
}
CONNECTION = re.compile(
    r"sin6?_port=htons\((?P<port>\d+)\).*?"
    r"(?:sin_addr=inet_addr\(\"(?P<v4>[0-9.]+)\"\)|inet_pton\(AF_INET6, \"(?P<v6>[^\"]+)\")"
)
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed here")


def run_program(
    setting: str, home: Path, *, before: tuple[str, ...] = (), **variables: str
) -> dict[str, object]:
    """A whole run with everything approved, in a process of its own; what it reached."""
    done = subprocess.run(
        [*before, sys.executable, "-c", PROGRAM, REQUEST],
        env={**os.environ, "NEXUS_HOME": str(home), "NEXUS_MODEL": setting, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=110,
    )
    assert KEY not in done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_with_composio_a_run_reaches_its_one_address_and_only_the_call_carries_words(tmp_path: Path):
    """The catalogue is asked for by names of apps; the request's words leave in the approved call alone."""
    standin = ComposioStandIn()
    standin.connect("owner", "gmail")
    model = ScriptedModel().calls(("GMAIL_SEND_EMAIL", MAIL), answer="Sent.")
    with running(standin.app) as url, scripted_chat(model) as setting:
        report = run_program(
            setting,
            tmp_path,
            COMPOSIO_API_KEY=KEY,
            COMPOSIO_BASE_URL=url,
            NEXUS_TOOLKITS="gmail,slack",
            NEXUS_DISABLE="desk",
        )
    assert report["ending"] == "answered"
    assert standin.effects("GMAIL_SEND_EMAIL") == standin.posts("GMAIL_SEND_EMAIL") == 1
    reached = {str(place) for place in report["reached"]}  # type: ignore[attr-defined] - a list in the JSON
    assert all("127.0.0.1" in place for place in reached), reached
    composio, model_server = (str(origin_of(address)[1]) for address in (url, setting))
    assert any(composio in place for place in reached)
    assert all(composio in place or model_server in place for place in reached), reached
    others = [each for each in standin.app.seen if not each.call.startswith("POST /tools/execute")]
    assert {each.call for each in others} == {"GET /connected_accounts", "GET /toolkits", "GET /tools"}
    assert "zebracanary" not in json.dumps([[each.query, each.body] for each in others])


@needs_strace
def test_the_system_sees_no_connection_beyond_this_machine(tmp_path: Path):
    """What the kernel is asked for, by every thread and child: an audit hook sees Python's part only."""
    mail = {"to": ["triage@example.com"], "subject": "Login", "body": "It loops."}
    model = ScriptedModel().calls(("desk_send_email", mail), answer="Sent.")
    with scripted_chat(model) as setting:
        report, reached = run_traced(setting, tmp_path)
    assert report["ending"] == "answered"
    assert reached == {origin_of(setting)}


@needs_strace
def test_with_composio_the_system_sees_no_connection_but_to_its_address_and_the_models(tmp_path: Path):
    standin = ComposioStandIn()
    standin.connect("owner", "gmail")
    model = ScriptedModel().calls(("GMAIL_SEND_EMAIL", MAIL), answer="Sent.")
    with running(standin.app) as url, scripted_chat(model) as setting:
        report, reached = run_traced(
            setting,
            tmp_path,
            COMPOSIO_API_KEY=KEY,
            COMPOSIO_BASE_URL=url,
            NEXUS_TOOLKITS="gmail",
            NEXUS_DISABLE="desk",
        )
    assert report["ending"] == "answered"
    assert standin.effects("GMAIL_SEND_EMAIL") == 1
    assert reached == {origin_of(url), origin_of(setting)}


def run_traced(setting: str, home: Path, **variables: str) -> tuple[dict[str, object], set[tuple[str, int]]]:
    """A whole run, and the addresses and ports that its process and every child asked the kernel for."""
    log = home / "strace.log"
    before = ("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", str(log))
    report = run_program(setting, home / "home", before=before, **variables)
    found = CONNECTION.finditer(log.read_text())
    return report, {(each["v4"] or each["v6"], int(each["port"])) for each in found}


def origin_of(address: str) -> tuple[str, int]:
    """Host and port of a server on this machine."""
    return "127.0.0.1", int(re.findall(r"127\.0\.0\.1:(\d+)", address)[0])
