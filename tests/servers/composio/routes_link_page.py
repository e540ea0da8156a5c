"""The page a person opens in a browser to connect an account, as an app's own sign-in would be."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tests.servers.composio.accounts import LINK_LASTS, Account

if TYPE_CHECKING:
    from tests.servers.composio.standin import ComposioStandIn


def router(standin: ComposioStandIn) -> APIRouter:
    """`/link/{token}`."""
    routes = APIRouter(prefix="/link")

    @routes.get("/{token}", response_model=None)
    async def show(token: str) -> Response:
        account = await _waiting(standin, token)
        return _page(_form(standin, account)) if account else _page("<p>This link has expired.</p>", 410)

    @routes.post("/{token}", response_model=None)
    async def follow(token: str, request: Request) -> Response:
        account = await _waiting(standin, token)
        if account is None:
            return _page("<p>This link has expired.</p>", 410)
        account.values.update(parse_qsl((await request.body()).decode()))
        await standin.change(account, "ACTIVE")
        if account.callback_url is None:
            return _page(f"<p>{escape(account.toolkit)} is connected. You can close this page.</p>")
        return RedirectResponse(_back_to(account, account.callback_url), 303)

    return routes


async def _waiting(standin: ComposioStandIn, token: str) -> Account | None:
    """The account that waits for this link; a link nobody followed in time expires it."""
    account = standin.accounts.by_link(token)
    if account is None or account.status != "INITIATED":
        return None
    if datetime.now(UTC) - account.updated > LINK_LASTS:
        await standin.change(account, "EXPIRED", "the link was not followed in time")
        return None
    return account


def _form(standin: ComposioStandIn, account: Account) -> str:
    schemes = standin.catalogue.toolkit(account.toolkit).schemes
    scheme = next(each for each in schemes if each.mode == account.config.scheme)
    asked = [each for each in scheme.initiation if each.name not in account.values]
    inputs = "".join(
        f'<p><label>{escape(each.label)} <input name="{escape(each.name)}" required></label></p>'
        for each in asked
    )
    who = f"<p>Let {escape(account.user_id)} use {escape(account.toolkit)}?</p>"
    return f'{who}<form method="post">{inputs}<button>Connect {escape(account.toolkit)}</button></form>'


def _back_to(account: Account, url: str) -> str:
    told: dict[str, Any] = {"status": "success", "connected_account_id": account.id}
    return f"{url}{'&' if '?' in url else '?'}{urlencode(told)}"


def _page(body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(f"<!doctype html><title>Composio stand-in</title>{body}", status)
