"""Accounts at apps: sign in, see how they are, sign in anew, disconnect."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from sse_starlette import EventSourceResponse

from nexus.api.fields import Form
from nexus.api.pages.apps import PLACE, AppDep, place_of
from nexus.api.pages.fields import FormDep
from nexus.api.pages.live import live
from nexus.api.pages.routing import page_router
from nexus.api.pages.visitor import Visitor, VisitorDep, see_other
from nexus.errors import InvalidInput, NexusError, NotFound
from nexus.ports.connections import Connection
from nexus.runtime.connecting import AccountsWatch, connections_of, follow_link
from nexus.runtime.toolkits import Toolkit

router: APIRouter = page_router()

ACCOUNTS = "/ui/accounts"

_FIELD = "field."
"""What the names of an app's own fields begin with in the form."""


@router.get(ACCOUNTS)
async def list_accounts(visitor: VisitorDep) -> Response:
    """Every account of the visitor as it stands at this moment, the newest first."""
    try:
        every = await connections_of(visitor.service).all(visitor.caller.user)
        accounts, trouble = list(reversed(every)), None
    except NexusError as error:
        accounts, trouble = [], error
    return visitor.page("accounts.html", at=PLACE, accounts=accounts, trouble=trouble)


@router.get(f"{PLACE}/{{slug}}/connect")
async def show_connect(app: AppDep, visitor: VisitorDep) -> Response:
    """Asks for what the app wants to know before it can be connected; often nothing."""
    needed = await connections_of(visitor.service).needs(visitor.caller.user, app.slug)
    return visitor.page(
        "app_connect.html", at=PLACE, app=app, here=place_of(app), needed=needed, problem=None
    )


@router.post(f"{PLACE}/{{slug}}/connect")
async def connect_app(app: AppDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Begin to connect an account: its page has the link to sign in."""
    connections, user = connections_of(visitor.service), visitor.caller.user
    given = _given(form)
    try:
        opened = await connections.connect(user, app.slug, given or None)
    except InvalidInput as error:
        if not (error.field or "").startswith("fields"):
            raise
        return await _asking(visitor, app, status=422, problem=error if given else None)
    return _opened(visitor, app, opened)


@router.post(f"{PLACE}/{{slug}}/reconnect")
async def reconnect_account(app: AppDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Sign in anew, for an account that expired or was taken back."""
    account = await _account(visitor, app, form)
    try:
        opened = await connections_of(visitor.service).reconnect(visitor.caller.user, account.id)
    except InvalidInput as error:
        if not (error.field or "").startswith("fields"):
            raise
        return see_other(f"{place_of(app)}/connect")
    return _opened(visitor, app, opened)


@router.post(f"{PLACE}/{{slug}}/disconnect")
async def disconnect_account(app: AppDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Delete an account with its tokens: nothing can act on it any more."""
    account = await _account(visitor, app, form)
    await connections_of(visitor.service).remove(visitor.caller.user, account.id)
    return see_other(place_of(app))


@router.get(f"{PLACE}/{{slug}}/live")
async def watch_accounts(request: Request, app: AppDep, visitor: VisitorDep) -> EventSourceResponse:
    """Tells the open page of an app that one of its accounts changed."""
    return live(request, visitor, AccountsWatch(visitor.service, app.slug).state)


async def _asking(
    visitor: Visitor, app: Toolkit, *, status: int = 200, problem: InvalidInput | None = None
) -> Response:
    """The form for what the app wants to know."""
    needed = await connections_of(visitor.service).needs(visitor.caller.user, app.slug)
    shown = {"app": app, "here": place_of(app), "needed": needed, "problem": problem}
    return visitor.page("app_connect.html", at=PLACE, status=status, **shown)


def _opened(visitor: Visitor, app: Toolkit, opened: Connection) -> Response:
    """Look after the link behind the page, which shows it."""
    visitor.runs.supervise(lambda: follow_link(visitor.service, opened), name=f"account {opened.id}")
    return see_other(f"{place_of(app)}#accounts")


async def _account(visitor: Visitor, app: Toolkit, form: Form) -> Connection:
    """The account that a form names, if it is one of the visitor's at that app."""
    identity = form.text("account")
    found = await connections_of(visitor.service).get(visitor.caller.user, identity)
    if found.toolkit != app.slug:
        raise NotFound(f"There is no connection {identity[:80]!r} at {app.slug}.")
    return found


def _given(form: Form) -> Mapping[str, str]:
    """What the person wrote into the app's own fields."""
    named = [name for name in form.values if name.startswith(_FIELD)]
    return {name.removeprefix(_FIELD): form.text(name).strip() for name in named}
