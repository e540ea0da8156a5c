"""LangGraph's `Auth` object, as an operator writes it: who asks, and what they may see and change."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from fastapi import Request
from langgraph_sdk import Auth
from starlette.exceptions import HTTPException

from nexus.core.roles import ROLES, Caller, Role, role_of
from nexus.core.user import user_of_identity
from nexus.errors import Conflict, InvalidInput, NexusError, NotFound, Refused, SettingsInvalid, Unidentified
from nexus.ports.users import Users
from nexus.runtime.thread_states import Visible

Json: TypeAlias = dict[str, Any]

_ERRORS: Mapping[int, type[NexusError]] = {
    401: Unidentified,
    403: Refused,
    404: NotFound,
    409: Conflict,
    422: InvalidInput,
}


class Asker:
    """Who asks, as handlers see it (`langgraph_sdk.Auth.types.BaseUser`)."""

    is_authenticated = True

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts

    @property
    def identity(self) -> str:
        """Who it is."""
        return str(self._facts["identity"])

    @property
    def display_name(self) -> str:
        """What people call them."""
        return str(self._facts.get("display_name") or self.identity)

    @property
    def permissions(self) -> Sequence[str]:
        """What `@auth.authenticate` gave them."""
        return tuple(self._facts.get("permissions") or ())

    def __getitem__(self, key: str) -> Any:
        return self._facts[key]

    def __contains__(self, key: object) -> bool:
        return key in self._facts

    def __iter__(self) -> Any:
        return iter(self._facts)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._facts:
            raise AttributeError(name)
        return self._facts[name]


class Hook:
    """Asks the operator's handlers. What they raise becomes a problem; what they forbid is not there.

    Args:
        auth: What the operator wrote.

    Raises:
        SettingsInvalid: It does not say who asks.
    """

    def __init__(self, auth: Auth) -> None:
        # The SDK has no public way to ask for what was registered.
        self._authenticate: Any = cast("Any", auth)._authenticate_handler  # noqa: SLF001
        self._handlers: Mapping[tuple[str, str], Sequence[Any]] = cast("Any", auth)._handlers  # noqa: SLF001
        self._for_all: Sequence[Any] = cast("Any", auth)._global_handlers  # noqa: SLF001
        if self._authenticate is None:
            raise SettingsInvalid("it has no @auth.authenticate", field="NEXUS_AUTH")

    async def caller(self, request: Request, users: Users, *, with_body: bool = True) -> Caller:
        """Who asks, and as what: the role that they have here, or one that is among their permissions.

        Args:
            request: Theirs.
            users: Those who are known here.
            with_body: Whether the handler may see the body, which is JSON then.

        Raises:
            Unidentified: The handler does not know them, or they were revoked here.
        """
        asker = await self._asker(request, with_body=with_body)
        request.state.asker = asker
        known = await users.admit(user_of_identity(asker.identity))
        given: list[Role] = [each for each in ROLES if each in asker.permissions]
        return Caller(known.id, role_of(known.id, known.role, *given))

    async def _asker(self, request: Request, *, with_body: bool) -> Asker:
        handler = self._authenticate
        known, wanted = await _facts(request, with_body=with_body), inspect.signature(handler).parameters
        facts = await _raised(handler(**{name: known[name] for name in wanted if name in known}), 401)
        if facts is None or facts is False:
            raise Unidentified("This server does not know you.")
        if isinstance(facts, str):
            return Asker({"identity": facts})
        if isinstance(facts, Mapping):
            return Asker(cast("Mapping[str, Any]", facts))
        names = ("identity", "display_name", "permissions")
        return Asker({name: getattr(facts, name, None) for name in names})

    async def authorize(self, request: Request, resource: str, action: str, value: Json) -> Visible | None:
        """Ask whether it may be done; the handler may change `value`. What else is there, or None: all of it.

        Raises:
            Refused: It may not.
            NexusError: As the handler says.
        """
        handler = self._handler(resource, action)
        if handler is None:
            return None
        asker: Asker = request.state.asker
        context = Auth.types.AuthContext(
            permissions=list(asker.permissions),
            user=cast("Any", asker),
            resource=cast("Any", resource),
            action=cast("Any", action),
        )
        answer = await _raised(handler(ctx=context, value=value), 403)
        if answer is False:
            raise Refused(f"You may not do this ({resource}.{action}).")
        return None if answer is None or answer is True else lambda metadata: fits(metadata, answer)

    def _handler(self, resource: str, action: str) -> Callable[..., Any] | None:
        """The one that is most about it."""
        for key in ((resource, action), (resource, "*"), ("*", action)):
            if found := self._handlers.get(key):
                return found[-1]
        return self._for_all[-1] if self._for_all else None


def fits(metadata: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether metadata fits a filter: equal values, `$eq`, `$contains`, `$and`, `$or`; no other word fits."""
    for name, value in wanted.items():
        if name in {"$and", "$or"}:
            every = all if name == "$and" else any
            if not every(fits(metadata, each) for each in value):
                return False
        elif not _is(metadata.get(name), value):
            return False
    return True


def _is(actual: Any, wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return actual == wanted
    ways: Mapping[str, Callable[[Any, Any], bool]] = {"$eq": operator.eq, "$contains": _holds}
    conditions = cast("Mapping[str, Any]", wanted)
    return all(word in ways and ways[word](actual, value) for word, value in conditions.items())


def _holds(actual: Any, wanted: Any) -> bool:
    parts = cast("list[Any]", wanted) if isinstance(wanted, list) else [wanted]
    return isinstance(actual, list) and all(part in actual for part in parts)


async def _raised(answer: Awaitable[Any] | Any, status: int) -> Any:
    """What the handler answers; what it raises, as a problem. A failed assertion is its no."""
    try:
        return await answer if inspect.isawaitable(answer) else answer
    except AssertionError as error:
        raise _ERRORS[status](str(error) or "You may not do this.") from error
    except (Auth.exceptions.HTTPException, HTTPException) as error:
        kind = _ERRORS.get(error.status_code, Refused)
        told = str(error.detail)
        raise (InvalidInput(told, field="request") if kind is InvalidInput else kind(told)) from error


async def _facts(request: Request, *, with_body: bool) -> Json:
    """What `@auth.authenticate` may ask for, by the names of its parameters."""
    return {
        "request": request,
        "body": await request.json() if with_body and await _has_json(request) else None,
        "headers": dict(request.headers.raw),
        "authorization": request.headers.get("authorization"),
        "path": request.url.path,
        "method": request.method,
        "path_params": dict(request.path_params),
        "query_params": dict(request.query_params),
    }


async def _has_json(request: Request) -> bool:
    """False for the forms of pages."""
    is_form = request.headers.get("content-type", "").startswith(("application/x-www", "multipart/"))
    return not is_form and bool(await request.body())
