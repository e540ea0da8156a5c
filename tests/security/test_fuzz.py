"""schemathesis against a server with keys: no answer but the documented ones, nothing open without a key.

It lives in a virtual environment of its own, since it pins another Hypothesis: `NEXUS_TEST_SCHEMATHESIS` is
its folder (`.ci/run` makes it). `NEXUS_FUZZ_EXAMPLES` says how many cases an operation gets.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nexus.ports.model import Completion
from tests.api.serving import Script
from tests.security.house import Person, open_house
from tests.security.test_isolation import document
from tests.servers.composio.standin import ComposioStandIn
from tests.servers.impatient import Impatient
from tests.servers.running import running

PROGRAM = Path(os.environ.get("NEXUS_TEST_SCHEMATHESIS", "")) / "bin" / "st"
EXAMPLES = os.environ.get("NEXUS_FUZZ_EXAMPLES", "5")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
)
OWN = "^/(users|approvals|reviews|policy|webhooks|audit|outcomes|toolkits|model|memories|connections|decide)"
LANGGRAPH = "^/(store|info|ok|assistants|runs|v1|threads)"
"""LangGraph's and OpenAI's, what never ends among them: `Impatient` leaves."""


@dataclass
class Talkative(Script):
    """Has an answer to whatever is asked."""

    async def complete(self, *asked: Any, **options: Any) -> Completion:
        """The script's; at its end an answer of its own."""
        if not self.script:
            self.script += [{"tool": "final_answer"}, {"answer": "There is nothing new."}]
        return await super().complete(*asked, **options)


@pytest.mark.skipif(not PROGRAM.exists(), reason="schemathesis is not installed (NEXUS_TEST_SCHEMATHESIS)")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("paths", [OWN, LANGGRAPH], ids=["own", "LangGraph"])
def test_no_request_gets_an_answer_that_is_not_documented(tmp_path: Path, paths: str):
    """No 5xx, no status, header or body beside the documented ones; nothing without a key."""
    with (
        running(ComposioStandIn().app) as url,
        open_house(tmp_path / "home", Talkative(), Impatient.before, composio_url=url) as (house, client),
    ):
        ana = Person(client, house.add("ana", "approver"))
        ana.waits(house, "t", "Water the plants")
        command = [
            PROGRAM, "run", f"{client.base_url}/openapi.json", "--header", f"Authorization: Bearer {ana.key}",
            "--include-path-regex", paths, "--checks", ",".join(CHECKS), "--max-examples", EXAMPLES,
            "--phases", "examples,coverage,fuzzing", "--seed", "1", "--no-shrink", "--no-color",
            "--request-timeout", "30", "--continue-on-failure",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    assert re.search(r"[1-9]\d* passed", done.stdout), done.stdout[-2_000:]


def test_no_documented_path_is_left_out():
    paths = document()["paths"]
    assert [path for path in paths if not re.match(OWN, path) and not re.match(LANGGRAPH, path)] == []
