"""Every failure as RFC 9457 problem+json; what becomes which status stands here and nowhere else."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nexus.errors import (
    ApprovalExpired,
    Conflict,
    DigestMismatch,
    InvalidInput,
    ModelFailed,
    NexusError,
    NotFound,
    OutcomeUnknown,
    Refused,
    ToolFailed,
    Unavailable,
    Unidentified,
)
from nexus.runtime.failures import INSIDE, where

log = logging.getLogger("nexus.api")

MEDIA_TYPE = "application/problem+json"

RETRY_SECONDS = 5
"""When to try again, if the error does not know better."""

_STATUS: dict[type[Exception], int] = {
    InvalidInput: 422,
    Unidentified: 401,
    ApprovalExpired: 410,
    DigestMismatch: 409,
    Refused: 403,
    NotFound: 404,
    Conflict: 409,
    Unavailable: 503,
    ModelFailed: 502,
    ToolFailed: 502,
    OutcomeUnknown: 502,
}

_MAX_FIELD = 200  # characters of a client's own key that are given back to it


class Problem(BaseModel):
    """Why a request was not served (RFC 9457), and what to do about it."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(
        default="about:blank", description="Which kind of problem; the same for every occurrence"
    )
    title: str = Field(description="The kind of problem in words")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="What happened this time")
    remedy: str | None = Field(default=None, description="What you can do about it")
    field: str | None = Field(default=None, description="What has to be changed in the request")
    approval: dict[str, Any] | None = Field(
        default=None, description="The approval as it stands, if the decision came too late"
    )
    error: dict[str, Any] | None = Field(
        default=None, description="Under /v1: the same as OpenAI's clients know it"
    )


class DecisionTooLate(Exception):
    """A decision was not recorded; carries why, and the approval as it stands."""

    def __init__(self, error: NexusError, approval: dict[str, Any]) -> None:
        self.error = error
        self.approval = approval
        super().__init__(str(error))


def problem_of(error: Exception) -> Problem:
    """What to tell a client about `error`; nothing of the inside if it is not one of ours."""
    if not isinstance(error, NexusError):
        return http_problem(500, INSIDE)
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
    return Problem(
        type=f"urn:nexus:problem:{_kebab(type(error).__name__)}",
        title=(type(error).__doc__ or "").strip().splitlines()[0],
        status=status,
        detail=error.message,
        remedy=error.remedy,
        field=error.field if isinstance(error, InvalidInput) else None,
    )


def http_problem(status: int, detail: str, *, remedy: str | None = None, field: str | None = None) -> Problem:
    """A problem that HTTP itself has a name for."""
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, remedy=remedy, field=field)


def render(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The response. ASCII only, so that whatever a client sent can be given back safely."""
    body = json.dumps(problem.model_dump(exclude_none=True, mode="json"))
    return Response(body, problem.status, headers=headers, media_type=MEDIA_TYPE)


def headers_of(error: Exception) -> dict[str, str] | None:
    """When to try again, for what can be; how to say who one is, for who did not."""
    match error:
        case Unavailable():
            return {"Retry-After": str(math.ceil(error.retry_after or RETRY_SECONDS))}
        case Unidentified():
            return {"WWW-Authenticate": "Bearer"}
        case _:
            return None


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.add_exception_handler(NexusError, _on_nexus_error)
    app.add_exception_handler(DecisionTooLate, _on_too_late)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)


async def _on_nexus_error(_: Request, error: Exception) -> Response:
    return render(problem_of(error), headers_of(error))


async def _on_too_late(_: Request, error: Exception) -> Response:
    late = cast("DecisionTooLate", error)
    return render(problem_of(late.error).model_copy(update={"approval": late.approval}))


async def _on_invalid_request(_: Request, error: Exception) -> Response:
    first = cast("RequestValidationError", error).errors()[0]
    where_sent, *path = first["loc"]
    field = ".".join(str(part) for part in path)[:_MAX_FIELD] or str(where_sent)
    detail = str(first["msg"]).removeprefix("Value error, ")
    return render(http_problem(422, f"{field}: {detail}", field=field, remedy="See /docs."))


async def _on_http_error(request: Request, error: Exception) -> Response:
    failed = cast("HTTPException", error)
    known = {
        404: f"There is nothing at {request.url.path[:_MAX_FIELD]}.",
        405: f"{request.method} cannot be used here.",
    }
    problem = http_problem(
        failed.status_code, known.get(failed.status_code, str(failed.detail)), remedy="See /docs."
    )
    return render(problem, failed.headers)


class LastResort:
    """Answers 500 when all else failed, and logs where it failed, not with what."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; a response that has begun is broken off."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        # The last line of defence: whatever it is, the client gets a problem and the server goes on.
        except Exception as error:  # noqa: BLE001
            log.error("%s %s failed: %s", scope.get("method"), scope.get("path"), where(error))  # noqa: TRY400
            if scope["type"] == "http" and not begun:
                await render(problem_of(error))(scope, receive, send)


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
