"""The stand-in as a program of its own, for who wants to try Nexus without a key."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.servers.composio.catalogue import Catalogue


def test_it_says_where_it_is_and_serves_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "tests.servers.composio", "--port", str(port)]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    ) as running:
        try:
            assert running.stdout is not None
            said = [running.stdout.readline().strip() for _ in range(4)]
            settings = dict(line.removeprefix("export ").split("=") for line in said[1:3])
            headers = {"x-api-key": settings["COMPOSIO_API_KEY"]}
            with httpx.Client(transport=httpx.HTTPTransport(retries=5), headers=headers) as client:
                answer = client.get(f"{settings['COMPOSIO_BASE_URL']}/api/v3.1/tools")
        finally:
            running.terminate()
    assert answer.json()["total_items"] == len(Catalogue().tools)
