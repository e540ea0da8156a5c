from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.serving import Office, serving


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path / "home")
    made.tools.gate.set()
    return made


@pytest.fixture
def client(office: Office) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client
