"""One connection to a model's server: its timeouts, and its failures in our words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from pydantic import ValidationError

from nexus.errors import ModelUnavailable, OutputInvalid

CONNECT_SECONDS = 5.0
_BUSY_SECONDS = 5.0


def client_settings(seconds: float) -> dict[str, Any]:
    """Arguments of an httpx client that talks to this server only: no proxy, no redirect.

    A proxy or a redirect would carry prompts elsewhere. No connection is kept either: it would tie the client
    to one event loop.
    """
    return {
        "timeout": httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
        "trust_env": False,
        "follow_redirects": False,
        "limits": httpx.Limits(max_keepalive_connections=0),
    }


@asynccontextmanager
async def our_errors(*, server: str, start: str, seconds: float) -> AsyncGenerator[None]:
    """Turn every way a connection can fail into an error of ours, and end it after `seconds`.

    Args:
        server: What is talked to, e.g. `Ollama at http://127.0.0.1:11434`.
        start: How a person starts it.
        seconds: How long the whole answer may take.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout) as error:
        raise ModelUnavailable(
            f"{server} did not finish within {seconds:g} s.",
            remedy="Choose a smaller model, or raise NEXUS_MODEL_TIMEOUT.",
        ) from error
    except (ConnectionError, httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise ModelUnavailable(
            f"{server} does not answer.", remedy=start, retry_after=_BUSY_SECONDS
        ) from error
    except httpx.TransportError as error:
        raise ModelUnavailable(
            f"{server} ended the connection before the answer was complete ({type(error).__name__}).",
            remedy="Try again; its own log says why.",
            retry_after=_BUSY_SECONDS,
        ) from error
    except (json.JSONDecodeError, ValidationError, UnicodeDecodeError, httpx.DecodingError) as error:
        raise OutputInvalid(
            f"{server} sent something that is not its protocol ({type(error).__name__}).",
            remedy="Check that the URL is that of a model server.",
        ) from error


def busy_or_broken(server: str, status: int, said: str) -> ModelUnavailable:
    """The error for an answer of 429 or 5xx."""
    state = "is busy" if status in {429, 503} else "failed"
    return ModelUnavailable(
        f"{server} {state} (HTTP {status}): {said[:300]}",
        remedy="Try again; if it stays so, its own log says why (often: too little memory).",
        retry_after=_BUSY_SECONDS,
    )
