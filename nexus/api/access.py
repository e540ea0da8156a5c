"""Who asks, and what they may: the one place where a key becomes a user."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request, WebSocket
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from nexus.api.hook import Hook
from nexus.core.roles import Caller, Power
from nexus.errors import Unidentified
from nexus.runtime.services import Services

_BEARER = HTTPBearer(
    auto_error=False, scheme_name="key", description="The key that `nexus users add` printed."
)
_HEADER = APIKeyHeader(
    name="X-Api-Key", auto_error=False, scheme_name="key_header", description="The same key, as a header."
)


async def identified(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    header: Annotated[str | None, Depends(_HEADER)],
) -> Caller:
    """Who asks. Raises Unidentified; FastAPI asks before it looks at path, query or body.

    Every router has it as its first dependency, and what else wants to know reads it with `caller_of`: what a
    dependency depends on, FastAPI solves anew at each place, and only then sees that it was there already.
    """
    services: Services = request.state.services
    hook: Hook | None = request.app.state.hook
    key = _one_of(bearer, header)
    caller = await (hook.caller(request, services.users) if hook else services.users.identify(key))
    request.state.caller = caller
    return caller


def caller_of(request: Request) -> Caller:
    """Who asks. Raises Unidentified where nobody looked: a route without `identified` lets nobody in."""
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        raise Unidentified("Nobody said who asks.")
    return caller


async def identified_by_headers(request: Request) -> Caller:
    """The same outside of FastAPI's routes: the body stays unread. Raises Unidentified."""
    services: Services = request.state.services
    hook: Hook | None = request.app.state.hook
    if hook is not None:
        return await hook.caller(request, services.users, with_body=False)
    return await services.users.identify(_one_of(await _BEARER(request), await _HEADER(request)))


async def _caller(request: Request) -> Caller:
    return caller_of(request)


async def _user(request: Request) -> str:
    return caller_of(request).user


CallerDep = Annotated[Caller, Depends(_caller)]
UserDep = Annotated[str, Depends(_user)]


def needs(power: Power) -> Any:
    """The dependency of routes that are not for everybody. Raises Refused."""

    async def checked(request: Request) -> None:
        caller_of(request).check(power)

    return Depends(checked)


async def identified_by_socket(socket: WebSocket) -> str:
    """The same for a socket, whose key came with the request that opened it. Raises Unidentified."""
    scheme, _, key = socket.headers.get("Authorization", "").partition(" ")
    bearer = (
        HTTPAuthorizationCredentials(scheme=scheme, credentials=key) if scheme.lower() == "bearer" else None
    )
    services: Services = socket.state.services
    if socket.app.state.hook is not None:  # its handlers are asked about requests
        raise Unidentified("A socket is not let in here.", remedy="Watch by server-sent events.")
    caller = await services.users.identify(_one_of(bearer, socket.headers.get("X-Api-Key")))
    return caller.user


def _one_of(bearer: HTTPAuthorizationCredentials | None, header: str | None) -> str | None:
    """The key, whichever way it came; never two different ones."""
    if bearer is not None and header is not None and bearer.credentials != header:
        raise Unidentified("Two different keys were sent.", remedy="Send one.")
    return bearer.credentials if bearer is not None else header
