"""`nexus studio`: the link, and what is missing for it to work."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from nexus.cli.exits import DONE, UNAVAILABLE
from nexus.cli.studio import ORIGIN
from tests.api.serving import Office, serving
from tests.cli.console import Home


def test_without_a_server_it_says_how_to_start_one(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    shown = home.nexus("studio", "--port", port)
    link, note = shown.out.splitlines()
    assert (shown.code, link) == (UNAVAILABLE, f"{ORIGIN}/studio/?baseUrl=http%3A%2F%2F127.0.0.1%3A{port}")
    assert note.endswith(f"Start it: NEXUS_CORS_ORIGINS={ORIGIN} nexus serve")


@pytest.mark.parametrize(("origins", "code"), [((), UNAVAILABLE), ((ORIGIN,), DONE)], ids=["closed", "open"])
def test_it_asks_the_server_whether_studio_is_let_in(
    home: Home, tmp_path: Path, origins: tuple[str, ...], code: int
) -> None:
    with serving(Office(tmp_path / "served", origins=origins)) as client:
        shown = home.nexus("studio", "--port", str(client.base_url.port), "--json")
    # The server runs in this process and says where it listens, now or then.
    (facts,) = [json.loads(line) for line in shown.out.splitlines() if line.startswith("{")]
    assert shown.code == code
    base = parse_qs(urlsplit(facts["link"]).query)["baseUrl"]
    assert base == [f"http://127.0.0.1:{client.base_url.port}"]
    assert (facts["missing"] is None) == (code == DONE)
