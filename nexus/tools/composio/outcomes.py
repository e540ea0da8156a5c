"""What an error of Composio says about a call: did it happen, and who can put it right?

Only what Composio documents as decided before a tool runs counts as "nothing happened". A status it does
not document for executions, an answer nobody can read and a connection that broke leave that open.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import httpx
from composio_client import APIConnectionError, APIStatusError, ComposioError

from nexus.core.tool import ToolSpec
from nexus.errors import (
    ArgumentsInvalid,
    NexusError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
    ToolFailed,
)

BAD_ARGUMENTS = "Invalid request data provided"
"""How Composio's answer begins when a tool's arguments do not fit."""

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_REFUSALS: Mapping[int, type[NexusError]] = {
    400: ArgumentsInvalid,
    401: Refused,
    403: Refused,
    404: NotFound,
    410: NotFound,
    413: ArgumentsInvalid,
    501: ToolFailed,
}
"""What Composio documents for executions and decides before a tool runs; 408 and 5xx are left out."""

_ACCOUNT_SLUGS = ("ActionExecute_ConnectedAccount", "ConnectedAccount_")


def outcome_of(error: ComposioError, spec: ToolSpec) -> NexusError:
    """The error of ours that says what became of a call of `spec`."""
    if isinstance(error, APIStatusError):
        return _by_status(error, spec)
    if isinstance(error, APIConnectionError) and isinstance(error.__cause__, _NEVER_LEFT):
        return NotSent(f"Composio cannot be reached: {error.__cause__}")
    return OutcomeUnknown(f"Composio gave no answer that can be read: {error}")


def failure_of(message: str | None) -> NexusError:
    """The error for an execution that Composio calls unsuccessful."""
    text = message or "The app gave no reason."
    return ArgumentsInvalid(text) if text.startswith(BAD_ARGUMENTS) else ToolFailed(text)


def connect_first(spec: ToolSpec) -> Refused:
    """There is no account the tool could act on."""
    return Refused(
        f"No {spec.toolkit} account is connected, or it has expired.", remedy=f"Connect {spec.toolkit} first."
    )


def _by_status(error: APIStatusError, spec: ToolSpec) -> NexusError:
    details = error.details
    if error.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return ToolFailed(f"Composio limits the rate of calls; {_pause(error)}.")
    if details is None:  # a proxy in between answers without Composio's envelope
        return OutcomeUnknown(f"Something other than Composio answered {error.status_code}.")
    if error.status_code == HTTPStatus.UNPROCESSABLE_ENTITY or details["slug"].startswith(_ACCOUNT_SLUGS):
        return connect_first(spec)
    text = "; ".join([details["message"], *details.get("errors", [])])
    return _REFUSALS.get(error.status_code, OutcomeUnknown)(text)


def _pause(error: APIStatusError) -> str:
    seconds = error.response.headers.get("retry-after")
    return f"wait {seconds} seconds" if seconds else "wait a minute"
