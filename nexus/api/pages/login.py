"""Log in with a key, log out again. Whoever needs no key here never sees these pages."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Query, Request, Response

from nexus.api.fields import form_of
from nexus.api.pages.fields import MAX_FIELDS, FormDep, check_token
from nexus.api.pages.routing import LOG_IN, page_router
from nexus.api.pages.visitor import COOKIE, clock_of, see_other
from nexus.core.forms import form_token
from nexus.errors import Unidentified
from nexus.ports.sessions import LASTING
from nexus.runtime.services import Services
from nexus.web.pages import page

router = page_router()

_ABOUT = "log in"
_NEXT = re.compile(r"/(?:ui/[A-Za-z0-9/_.~-]*)?")


@router.get(LOG_IN)
async def show_log_in(
    request: Request, to: Annotated[str, Query(alias="next", max_length=500)] = "/"
) -> Response:
    """Asks for a key; whoever needs none is led on."""
    services: Services = request.state.services
    if request.app.state.hook is None:
        try:
            await services.users.identify(None)
        except Unidentified:
            return await _asked(request, to)
    return see_other("/")


@router.post(LOG_IN)
async def log_in(request: Request) -> Response:
    """Begins a session for whom the key belongs to."""
    services: Services = request.state.services
    form = form_of(await request.body(), most=MAX_FIELDS)
    await check_token(request, form.text("token"), _ABOUT)
    try:
        secret = await services.sessions.begin(form.text("key").strip())
    except Unidentified:
        return await _asked(request, form.text("next"), wrong=True)
    answer = see_other(_inside(form.text("next")))
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=int(LASTING.total_seconds()),
        httponly=True,
        samesite="lax",  # a link in a message has to lead to a page, not to the log-in
        secure=_is_encrypted(request),
    )
    return answer


@router.post("/ui/logout")
async def log_out(request: Request, form: FormDep) -> Response:  # noqa: ARG001 - its token was checked
    """Ends the session."""
    services: Services = request.state.services
    await services.sessions.end(request.cookies.get(COOKIE, ""))
    answer = see_other(LOG_IN)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


async def _asked(request: Request, to: str, *, wrong: bool = False) -> Response:
    services: Services = request.state.services
    token = form_token(await services.sessions.page_key(), _ABOUT, now=clock_of(request).now())
    return page("login.html", status=401 if wrong else 200, form_token=token, next=_inside(to), wrong=wrong)


def _inside(to: str) -> str:
    """A page of ours, whatever was asked for."""
    return to if _NEXT.fullmatch(to) else "/"


def _is_encrypted(request: Request) -> bool:
    """True if the browser came by the public URL, and that is behind TLS."""
    public_url: str = request.app.state.public_url or ""
    return public_url == f"https://{request.headers.get('host', '').lower()}"
