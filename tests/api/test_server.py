from __future__ import annotations

import io
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from nexus.api.server import LOGGING, WithoutQuery, create_api, listen, run_api
from nexus.errors import SettingsInvalid, StoreUnavailable
from nexus.runtime.services import Services
from nexus.settings import Settings
from tests.api.serving import Office

PROGRAM = """
import sys
from pathlib import Path
from nexus.api.server import create_api, run_api
from tests.api.serving import Office
office = Office(Path(sys.argv[1]))
run_api(create_api(office.open_services, office.settings), office.settings)
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com", ""])  # noqa: S104 - refused
def test_an_address_that_others_can_reach_is_refused(tmp_path: Path, office: Office, host: str):
    settings = Settings(home=tmp_path, host=host)
    with pytest.raises(SettingsInvalid, match=r"NEXUS_HOST.*not encrypted"):
        create_api(office.open_services, settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_this_machines_own_addresses_are_accepted(tmp_path: Path, host: str):
    listen(Settings(home=tmp_path, host=host, port=0)).close()


def test_a_port_in_use_is_named(tmp_path: Path, office: Office):
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings(home=tmp_path, port=other.getsockname()[1])
        with pytest.raises(SettingsInvalid, match=rf"NEXUS_PORT.*{settings.port}"):
            run_api(create_api(office.open_services, settings), settings)


def test_a_service_that_does_not_open_says_why(office: Office):
    @asynccontextmanager
    async def broken() -> AsyncIterator[Services]:
        raise StoreUnavailable("The database nexus.db cannot be used right now.")
        yield

    with pytest.raises(StoreUnavailable, match=r"nexus\.db"):
        run_api(create_api(broken, office.settings), office.settings)


def test_the_process_says_where_it_listens_and_ends_when_told_to(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "home")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        assert server.stdout
        said = server.stdout.readline()
        url = said.split()[3]
        with httpx.Client(base_url=url, trust_env=False) as client:
            assert client.get("/ok?token=hunter2").status_code == 200
        server.send_signal(signal.SIGINT)
        _, logged = server.communicate(timeout=30)
    assert said.startswith("Nexus listens on http://127.0.0.1:")
    assert server.returncode == 0
    assert "GET /ok HTTP" in logged
    assert "hunter2" not in logged
    assert "Traceback" not in logged


def test_the_access_log_has_no_query() -> None:
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    handler.addFilter(WithoutQuery())
    record = logging.LogRecord(
        "uvicorn.access",
        logging.INFO,
        "",
        0,
        '%s - "%s %s HTTP/%s" %d',
        ("c", "GET", "/a?b=c", "1.1", 200),
        None,
    )
    handler.handle(record)
    assert logged.getvalue() == 'c - "GET /a HTTP/1.1" 200\n'
    assert "query" in LOGGING["loggers"]["uvicorn.access"]["filters"]
