"""The client of Composio's API: its own asynchronous one, which holds no telemetry at all.

The classes of the `composio` package send a metric for nearly every call, and their opt-out does not
reach other threads; they sit on this client, so nothing of the API is lost without them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nexus.errors import SettingsInvalid

if TYPE_CHECKING:
    from composio_client import AsyncComposio

READ_RETRIES = 2
"""How often a request that changes nothing is tried again; executions never are."""


@asynccontextmanager
async def open_composio(
    api_key: str, *, base_url: str | None = None, patience: float = 60.0
) -> AsyncGenerator[AsyncComposio]:
    """A client of Composio, closed at the end. Nothing is sent before it is used.

    Args:
        api_key: The key of a Composio project.
        base_url: Where the API is, without its version; Composio's own address if None.
        patience: Seconds a request may wait for the connection, and for each piece of the answer.

    Raises:
        SettingsInvalid: The address is neither HTTPS nor on this machine.
    """
    client = await asyncio.to_thread(_build, api_key, base_url, patience)
    try:
        yield client
    finally:
        await client.close()


def _build(api_key: str, base_url: str | None, patience: float) -> AsyncComposio:
    """In a thread: importing the client takes seconds."""
    from composio_client import AsyncComposio, ComposioError, ProjectAuth  # noqa: PLC0415 - see above

    try:
        return AsyncComposio(
            auth=ProjectAuth(api_key), base_url=base_url, timeout=patience, max_retries=READ_RETRIES
        )
    except ComposioError as error:
        raise SettingsInvalid(
            str(error), field="COMPOSIO_BASE_URL", remedy="Use https://, or an address of this machine."
        ) from error
