"""Whoever looks at a page: known by the session of their browser; the owner where nobody needs a key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from markupsafe import Markup
from starlette.responses import RedirectResponse

from nexus.api.hook import Hook
from nexus.core.forms import form_token
from nexus.core.roles import Caller, role_of
from nexus.errors import Unidentified
from nexus.ports.clock import Clock
from nexus.runtime.all_runs import AllRuns
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.services import Services
from nexus.web.pages import Place, page

COOKIE = "nexus_session"
"""Holds the secret of the session; no script can read it."""

PLACES: Sequence[Place] = (
    Place("Inbox", "/"),
    Place("Chat", "/ui/chat"),
    Place("Threads", "/ui/threads"),
    Place("Apps", "/ui/apps"),
    Place("Memory", "/ui/memories"),
)
"""What the navigation leads to."""


class LogInFirst(Exception):
    """Nobody knows who asks for the page; they are led to the page where they can log in."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever looks at a page, and what is theirs.

    Attributes:
        caller: Who it is, and what they may do.
        service: Everything of theirs.
        runs: Their runs.
        token: Goes into every form: only pages that were shown to this visitor have it.
        has_session: True if they logged in here, so that they can log out.
    """

    caller: Caller
    service: Service
    runs: Runs
    token: str
    has_session: bool

    @property
    def actor(self) -> str:
        """Who decides, as it is written down."""
        return f"web:{self.caller.user}"

    def page(self, template: str, *, at: str, status: int = 200, **values: Any) -> Response:
        """A page of theirs, from a template that extends `layout.html`; `at` is its place."""
        return page(
            template,
            status=status,
            scripts=True,
            places=PLACES,
            at=at,
            user=self.caller.user,
            token_field=Markup('<input type="hidden" name="token" value="{}">').format(self.token),
            has_session=self.has_session,
            **values,
        )


def about_forms(user: str, secret: str | None) -> str:
    """What the tokens in a visitor's forms are about: them, in this browser."""
    session = hashlib.sha256(secret.encode()).hexdigest() if secret else "-"
    return f"page {user} {session}"


async def caller_and_session(request: Request) -> tuple[Caller, str | None]:
    """Who asks, and the secret of their session if that tells. Raises LogInFirst, Unidentified."""
    services: Services = request.state.services
    hook: Hook | None = request.app.state.hook
    if hook is not None:
        return await hook.caller(request, services.users), None
    secret = request.cookies.get(COOKIE)
    try:
        if secret:
            return await services.sessions.whose(secret), secret
        return await services.users.identify(None), None
    except Unidentified as error:
        raise LogInFirst from error


async def visitor(request: Request) -> Visitor:
    """Whoever looks at the page. Raises LogInFirst."""
    services: Services = request.state.services
    every: AllRuns = request.state.runs
    caller, secret = await caller_and_session(request)
    service = await services.of(caller.user)
    token = form_token(
        await services.sessions.page_key(), about_forms(caller.user, secret), now=clock_of(request).now()
    )
    return Visitor(caller, service, every.of(service), token, has_session=secret is not None)


async def still(request: Request, visitor: Visitor, *, since: datetime) -> Caller:
    """A visitor as they are by now, whatever they may do. That they have logged out meanwhile is no matter.

    Raises:
        Unidentified: The key that they had then was revoked, or an operator's handlers know them no more.
    """
    services: Services = request.state.services
    hook: Hook | None = request.app.state.hook
    if hook is not None:
        return await hook.caller(request, services.users)
    if not visitor.has_session:
        return visitor.caller
    known = next((each for each in await services.users.search() if each.id == visitor.caller.user), None)
    if known is None or known.revoked_at is not None or known.created_at > since:
        raise Unidentified("Your key was revoked.", remedy="Log in with a new one.")
    return Caller(known.id, role_of(known.id, known.role))


VisitorDep = Annotated[Visitor, Depends(visitor)]


def clock_of(request: Request) -> Clock:
    """Says how old a page is."""
    services: Services = request.state.services
    return services.notices.clock


def see_other(path: str) -> Response:
    """What a form ends in: the browser goes on to a page, and going back sends nothing again."""
    return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})
