"""Places for memories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.contract.memory_places import KINDS, Place, chroma_server, place_of


@pytest.fixture(scope="session", name="chroma_url")
def _chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Chroma's own server, started when first asked for; each place in it has a name of its own."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("chroma")
        yield cache(lambda: stack.enter_context(chroma_server(folder)))


@pytest.fixture(params=KINDS, name="place")
async def _place(
    request: pytest.FixtureRequest, tmp_path: Path, chroma_url: Callable[[], str]
) -> AsyncIterator[Place]:
    """Each kind of place, empty."""
    async with place_of(request.param, tmp_path, chroma_url) as found:
        yield found
