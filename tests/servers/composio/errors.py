"""The bodies Composio answers errors with.

The envelope is that of the official v3.1 document. Codes and slugs of missing tools, accounts and auth
configs are those seen in public issue threads and clients; the others are made up in the same manner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

RATE_LIMIT = {"message": "Rate limit exceeded. Limit: 2000 requests per 1 minutes"}
RATE_LIMIT_HEADERS = {"X-RateLimit": "2000", "X-RateLimit-Remaining": "0", "X-RateLimit-Window-Size": "60"}


class ApiError(Exception):
    """Ends a request with an error of the API."""

    def __init__(
        self, status: int, slug: str, code: int, message: str, *, fix: str = "", errors: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {
            "error": {
                "message": message,
                "code": code,
                "slug": slug,
                "status": status,
                "request_id": "00000000-0000-4000-8000-000000000000",
                "suggested_fix": fix,
                "errors": list(errors),
            }
        }


def unauthorized() -> ApiError:
    """The key is missing or wrong."""
    return ApiError(401, "HTTP_Unauthorized", 10401, "Invalid API key", fix="Check the x-api-key header.")


def bad_request(message: str, errors: Sequence[str] = ()) -> ApiError:
    """The request itself makes no sense."""
    return ApiError(400, "HTTP_BadRequest", 10400, message, errors=errors)


def not_found(what: str) -> ApiError:
    """There is no such thing."""
    return ApiError(404, "HTTP_NotFound", 10404, f"{what} not found")


def toolkit_not_found(slug: str) -> ApiError:
    """There is no such toolkit."""
    return ApiError(404, "Toolkit_ToolkitNotFound", 2301, f"Toolkit {slug} not found")


def tool_not_found(slug: str) -> ApiError:
    """There is no such tool, or not in that version."""
    return ApiError(404, "Tool_ToolNotFound", 2401, f"Tool {slug} not found", fix="Check the tool slug.")


def auth_config_not_found(identity: str) -> ApiError:
    """There is no such auth config."""
    return ApiError(400, "Auth_Config_NotFound", 607, f"Auth config not found: {identity}")


def account_not_found(identity: str) -> ApiError:
    """There is no such connected account."""
    message = f'Connected account "{identity}" not found'
    return ApiError(404, "ConnectedAccount_ResourceNotFound", 606, message)


def managed_endpoint_retired() -> ApiError:
    """Connections for OAuth that Composio manages are only made with links."""
    return ApiError(
        400,
        "ConnectedAccount_BadRequest",
        600,
        "Creating connections here for Composio-managed OAuth is no longer supported. "
        "Use POST /api/v3/connected_accounts/link.",
    )


def no_account(user_id: str, toolkit: str) -> ApiError:
    """The user has no active account of the toolkit."""
    return ApiError(
        404,
        "ActionExecute_ConnectedAccountNotFound",
        1810,
        f"No connected account found for user ID {user_id} for toolkit {toolkit}",
        fix="Connect an account of this toolkit for this user first.",
    )


def user_required() -> ApiError:
    """A connected account was named without its user."""
    slug = "ActionExecute_ConnectedAccountEntityIdRequired"
    return ApiError(400, slug, 1811, "User ID is required with connected account")


def wrong_user() -> ApiError:
    """The connected account belongs to somebody else."""
    slug = "ActionExecute_ConnectedAccountEntityIdMismatch"
    return ApiError(400, slug, 1812, "Connected account user ID does not match the provided user ID.")


def account_unusable(identity: str, status: str) -> ApiError:
    """The connected account is there, but not active."""
    return ApiError(
        422,
        "ActionExecute_ConnectedAccountInvalidState",
        1820,
        f"Connected account {identity} is {status}, not ACTIVE",
        fix="Connect the account again.",
    )
