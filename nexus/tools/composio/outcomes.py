"""What an error of Composio says about a call: did it happen, and who can put it right?

Only what Composio documents as decided before a tool runs counts as "nothing happened". A status it does
not document for executions, an answer nobody can read and a connection that broke leave that open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

import httpx
from composio_client import APIConnectionError, APIStatusError, ComposioError

from nexus.core.tool import ToolSpec
from nexus.errors import (
    ArgumentsInvalid,
    NexusError,
    NotConnected,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    ToolFailed,
)
from nexus.tools.retry_after import seconds_of

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

_LEAVES_OPEN = re.compile(
    r"time[ds]?[ -]?out|ETIMEDOUT|ECONNRESET|socket hang up|deadline exceeded"
    r"|connection (?:was |has been )?(?:reset|closed|aborted|lost)|server disconnected"
    r"|internal (?:server )?error|bad gateway|service (?:temporarily )?unavailable|server error"
    r"|(?:status|code|error|http)\W{0,3}(?:code\W{0,3})?5\d\d\b",
    re.IGNORECASE,
)
"""Texts about a service that did not answer in time, or failed with a status from 500 to 599."""

_ACCOUNT_SLUGS = ("ActionExecute_ConnectedAccount", "ConnectedAccount_")


def outcome_of(error: ComposioError, spec: ToolSpec) -> NexusError:
    """The error of ours that says what became of a call of `spec`."""
    if isinstance(error, APIStatusError):
        return _by_status(error, spec)
    if isinstance(error, APIConnectionError) and isinstance(error.__cause__, _NEVER_LEFT):
        return NotSent(f"Composio cannot be reached: {error.__cause__}")
    return OutcomeUnknown(f"Composio gave no answer that can be read: {error}")


def failure_of(message: str | None, spec: ToolSpec, log_id: str | None = None) -> NexusError:
    """The error for an execution of `spec`, logged as `log_id`, that Composio calls unsuccessful.

    That the app did not answer Composio in time, or failed while it worked, arrives in this way too: then
    the app may have acted.
    """
    text = message or "The app gave no reason."
    if text.startswith(BAD_ARGUMENTS):
        return ArgumentsInvalid(text)
    if _LEAVES_OPEN.search(text):
        told = text if spec.changes_nothing else f"The app may have acted all the same: {text}"
        return OutcomeUnknown(told, reference=log_id)
    return ToolFailed(text)


def connect_first(spec: ToolSpec) -> NotConnected:
    """There is no account the tool could act on."""
    return NotConnected(
        f"No {spec.toolkit} account is connected, or it has expired.", remedy=f"Connect {spec.toolkit} first."
    )


def _by_status(error: APIStatusError, spec: ToolSpec) -> NexusError:
    details = error.details
    if error.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return _limited(error)
    if details is None:  # a proxy in between answers without Composio's envelope
        return OutcomeUnknown(
            f"Something other than Composio answered {error.status_code}.", retry_after=_pause(error)
        )
    if error.status_code == HTTPStatus.UNPROCESSABLE_ENTITY or details["slug"].startswith(_ACCOUNT_SLUGS):
        return connect_first(spec)
    text = "; ".join([details["message"], *details.get("errors", [])])
    kind = _REFUSALS.get(error.status_code)
    if kind is not None:
        return kind(text)
    return OutcomeUnknown(text, reference=details.get("request_id"), retry_after=_pause(error))


def _limited(error: APIStatusError) -> RateLimited:
    seconds = _pause(error)
    wait = "wait a minute" if seconds is None else f"wait {seconds:g} seconds"
    return RateLimited(f"Composio limits the rate of calls; {wait}.", retry_after=seconds)


def _pause(error: APIStatusError) -> float | None:
    return seconds_of(error.response.headers.get("retry-after"))
