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
    """Who asks. Raises Unidentified; FastAPI asks before it looks at path, query or body."""
    services: Services = request.state.services
    hook: Hook | None = request.app.state.hook
    if hook is not None:
        return await hook.caller(request, services.users)
    return await services.users.identify(_one_of(bearer, header))


CallerDep = Annotated[Caller, Depends(identified)]


async def _user(caller: CallerDep) -> str:
    return caller.user


UserDep = Annotated[str, Depends(_user)]


def needs(power: Power) -> Any:
    """The dependency of routes that are not for everybody. Raises Refused."""

    async def checked(caller: CallerDep) -> None:
        caller.check(power)

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
