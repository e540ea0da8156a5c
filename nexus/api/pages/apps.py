"""Apps: look for them, switch them on and off, and say what each of their tools may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Response

from graphs.judging import policy_of
from nexus.api.pages.fields import FormDep
from nexus.api.pages.paging import PageNumber, Paging, Words
from nexus.api.pages.routing import page_router
from nexus.api.pages.visitor import Visitor, VisitorDep, see_other
from nexus.core.tool import ToolSpec
from nexus.core.tool_rules import CHOICES, Choice, choosing, rules_of
from nexus.errors import InvalidInput, NexusError, NotFound
from nexus.ports.connections import Connection
from nexus.runtime.connecting import accounts_of, fingerprint
from nexus.runtime.servers import ServerStory, story_of
from nexus.runtime.toolkits import Toolkit

router: APIRouter = page_router()

PLACE = "/ui/apps"

APPS_A_PAGE = 24
TOOLS_A_PAGE = 20


async def _app(slug: Annotated[str, Path(min_length=1, max_length=100)], visitor: VisitorDep) -> Toolkit:
    """The app of exactly that name. Raises NotFound."""
    return await visitor.service.toolkits.get(slug)


AppDep = Annotated[Toolkit, Depends(_app)]


@router.get(PLACE)
async def list_apps(visitor: VisitorDep, q: Words = "", number: PageNumber = 1) -> Response:
    """The apps that fit, a page of them; without words those that are on first."""
    service = visitor.service
    start = (number - 1) * APPS_A_PAGE
    found = await service.toolkits.find(q, offset=start, limit=APPS_A_PAGE)
    return visitor.page(
        "apps.html",
        at=PLACE,
        found=found.toolkits,
        paging=Paging(PLACE, q, number, APPS_A_PAGE, found.total),
        composio=service.composio,
        listed_at=await service.toolkits.listed_at(),
        servers=service.servers.last_states() if service.servers else (),
    )


@router.post(PLACE)
async def read_list(visitor: VisitorDep, form: FormDep) -> Response:  # noqa: ARG001 - its token was checked
    """Ask Composio which apps it has."""
    await visitor.service.toolkits.read_list()
    return see_other(PLACE)


@router.get(f"{PLACE}/{{slug}}")
async def show_app(app: AppDep, visitor: VisitorDep, q: Words = "", number: PageNumber = 1) -> Response:
    """One app: whether it is on, its accounts, and what each of its tools may do."""
    service = visitor.service
    accounts, trouble = await _accounts(visitor, app)
    specs = _fitting(await service.toolkits.tools_of(app), q)
    paging = Paging(place_of(app), q, number, TOOLS_A_PAGE, len(specs))
    policy = await policy_of(service.parts)
    return visitor.page(
        "app.html",
        at=PLACE,
        app=await service.toolkits.get(app.slug),  # an account may have been noticed just now
        here=place_of(app),
        accounts=accounts,
        trouble=trouble,
        seen=fingerprint(accounts),
        server=await _server(visitor, app),
        may_manage=visitor.caller.may("manage"),
        tools=[rules_of(policy, spec) for spec in specs[paging.start : paging.start + TOOLS_A_PAGE]],
        paging=paging,
    )


@router.post(f"{PLACE}/{{slug}}/switch")
async def switch_app(app: AppDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Switch it on or off for the visitor; the next run sees it."""
    await visitor.service.toolkits.switch(app.slug, is_on=form.text("is_on") == "yes")
    return see_other(place_of(app))


@router.post(f"{PLACE}/{{slug}}/tools")
async def choose_for_tool(app: AppDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Change what one tool may do, by a rule of the visitor's own."""
    choice, slug = form.text("choice"), form.text("tool")
    if choice not in CHOICES:
        raise InvalidInput("it is none of them", field="choice", remedy="Press one of the buttons.")
    offered = await visitor.service.toolkits.tools_of(app)
    spec = next((each for each in offered if each.slug == slug), None)
    if spec is None:
        raise NotFound(f"{app.slug} has no tool {slug!r}.", remedy="Look at the app again.")
    await _choose(visitor, spec, choice)
    return see_other(f"{_inside(form.text('back'), app)}#{quote(spec.slug)}")


@router.post(f"{PLACE}/{{slug}}/accept")
async def accept_server(app: AppDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Accept an MCP server's tools as they were on the page, and nothing else; they are everybody's."""
    visitor.caller.check("manage")
    if visitor.service.servers is None:
        raise NotFound(f"{app.slug} is no MCP server.")
    await visitor.service.servers.accept_seen(app.slug, form.text("fingerprint"))
    await visitor.service.refresh()
    return see_other(place_of(app))


def place_of(app: Toolkit) -> str:
    """Where an app's page is."""
    return f"{PLACE}/{quote(app.slug, safe='')}"


async def _choose(visitor: Visitor, spec: ToolSpec, choice: Choice) -> None:
    policies = visitor.service.parts.policies
    if policies is None:
        raise NotFound("No rules can be made here.")
    own = await policies.get()
    await policies.put(choosing(own.rules, spec, choice), expected=own.version)


async def _accounts(visitor: Visitor, app: Toolkit) -> tuple[Sequence[Connection], str | None]:
    """The visitor's accounts at the app, and why they cannot be told, if so."""
    if not app.needs_account:
        return (), None
    try:
        return await accounts_of(visitor.service, app.slug), None
    except NexusError as error:
        return (), error.message


async def _server(visitor: Visitor, app: Toolkit) -> ServerStory | None:
    """The MCP server that the app is; None if it is none."""
    servers = visitor.service.servers
    return await story_of(servers, app.slug) if servers is not None else None


def _fitting(specs: Sequence[ToolSpec], words: str) -> Sequence[ToolSpec]:
    """The tools that have every word."""
    wanted = words.casefold().split()
    return [
        spec
        for spec in specs
        if all(word in f"{spec.slug} {spec.title} {spec.summary}".casefold() for word in wanted)
    ]


def _inside(back: str, app: Toolkit) -> str:
    """A page of the app's, whatever was asked for."""
    here = place_of(app)
    return back if back == here or back.startswith(f"{here}?") else here
