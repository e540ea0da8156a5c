"""The HTTP application: the API behind its key, the page a browser opens, and the controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from tests.servers.composio import (
    routes_accounts,
    routes_control,
    routes_link_page,
    routes_sessions,
    routes_tools,
    routes_webhooks,
)
from tests.servers.composio.errors import ApiError, bad_request, not_found, unauthorized
from tests.servers.composio.faults import API

if TYPE_CHECKING:
    from tests.servers.composio.standin import ComposioStandIn

_PARTS = (routes_tools, routes_accounts, routes_sessions, routes_webhooks)


def api(standin: ComposioStandIn) -> FastAPI:
    """The routes of `standin`."""

    async def check_key(x_api_key: Annotated[str | None, Header()] = None) -> None:
        if x_api_key != standin.key:
            raise unauthorized()

    app = FastAPI(openapi_url=None)
    guarded = APIRouter(prefix=API, dependencies=[Depends(check_key)])
    for part in _PARTS:
        guarded.include_router(part.router(standin))
    app.include_router(guarded)
    app.include_router(routes_link_page.router(standin))
    app.include_router(routes_control.router(standin))
    app.add_exception_handler(ApiError, _said)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _unknown_route)
    return app


async def _said(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body, error.status)


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    said = bad_request("Validation error while processing request", faults)
    return JSONResponse(said.body, said.status)


async def _unknown_route(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    said = not_found(f"{request.method} {request.url.path}")
    return JSONResponse(said.body, error.status_code)
