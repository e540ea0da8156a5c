"""What tests with the official Python SDK ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError


@contextmanager
def refused(status: int) -> Iterator[None]:
    """The SDK's `wait` raises its HTTP client's own error."""
    with pytest.raises(httpx.HTTPStatusError) as caught:
        yield
    assert caught.value.response.status_code == status


async def until(sdk: LangGraphClient, thread: str, run: str, status: str) -> None:
    """Until a run has that status; asking is all the waiting there is."""
    for _ in range(10_000):
        if (await sdk.runs.get(thread, run))["status"] == status:
            return
    raise AssertionError(f"the run is not {status}")


async def until_ended(sdk: LangGraphClient, thread: str, run: str) -> None:
    """Until a run has ended in whatever way, or is forgotten."""
    for _ in range(10_000):
        try:
            if (await sdk.runs.get(thread, run))["status"] not in {"pending", "running"}:
                return
        except NotFoundError:
            return
    raise AssertionError("the run goes on")


async def first(count: int, parts: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """So many of the parts; the stream is let go then."""
    async for part in parts:
        yield part
        count -= 1
        if not count:
            return
