"""A seeded desk, a way to call its tools by name, and readers of its files."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from nexus.ports.tools import ToolResult
from nexus.testing import FakeClock
from nexus.tools.desk import desk_provider
from nexus.tools.desk.seed import seed
from nexus.tools.local import LocalProvider

Call = Callable[..., Awaitable[ToolResult]]


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    """Wednesday 2026-11-25 09:00 UTC."""
    return FakeClock()


@pytest.fixture(name="template", scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One seeded desk; waiting for the disk once is enough."""
    root = tmp_path_factory.mktemp("template")
    seed(root, FakeClock(), zone=UTC)
    return root


@pytest.fixture(name="root")
def _root(template: Path, tmp_path: Path) -> Path:
    """The folder of a seeded desk."""
    return Path(shutil.copytree(template, tmp_path / "desk"))


@pytest.fixture(name="desk")
def _desk(root: Path, clock: FakeClock) -> LocalProvider:
    """The tools over the seeded desk, in UTC."""
    return desk_provider(root, clock, owner="kim@example.com", owner_name="Kim Example", zone=UTC)


@pytest.fixture(name="call")
def _call(desk: LocalProvider) -> Call:
    """Calls a desk tool by its short name."""
    return caller_of(desk)


def caller_of(desk: LocalProvider) -> Call:
    """Calls a tool of that desk by its short name."""

    async def call(name: str, /, **arguments: Any) -> ToolResult:
        spec = next(spec for spec in await desk.tools() if spec.slug == f"desk_{name}")
        return await desk.call(spec, arguments, key="k")

    return call
