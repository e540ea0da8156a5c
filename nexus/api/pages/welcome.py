"""The first visit: what there is to do next, and doing it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sse_starlette import EventSourceResponse

from nexus.api.model import FetchingDep
from nexus.api.pages.chat import PLACE as CHAT
from nexus.api.pages.fields import FormDep
from nexus.api.pages.live import live
from nexus.api.pages.opened import talking
from nexus.api.pages.routing import page_router
from nexus.api.pages.visitor import VisitorDep, see_other
from nexus.core.words import size_in_words
from nexus.models.state import model_state, weights_of
from nexus.runtime.demo import REQUESTS, begin_demo
from nexus.runtime.fetching import Fetch
from nexus.runtime.homes import desk_of
from nexus.settings import CONFIG_FILE

router: APIRouter = page_router()

PLACE = "/ui/welcome"


@router.get(PLACE)
async def show_welcome(visitor: VisitorDep, fetching: FetchingDep) -> Response:
    """The model, a demo, and apps: each with what it still needs."""
    service, fetch = visitor.service, fetching.latest
    state = await model_state(service.settings)
    weights = await weights_of(service.settings) if state.lacks_weights else None
    return visitor.page(
        "welcome.html",
        at=PLACE,
        state=state,
        weights=weights,
        size=size_in_words(weights.size) if weights else "",
        fetch=fetch,
        come=f"{size_in_words(fetch.done)} of {size_in_words(fetch.total)}" if fetch else "",
        seen=_fingerprint(fetch),
        may_manage=visitor.caller.may("manage"),
        request=REQUESTS[0],
        composio=service.composio,
        settings=service.settings,
        desk=desk_of(service.settings, visitor.caller.user),
        file=service.settings.home / CONFIG_FILE,
    )


@router.post(f"{PLACE}/pull")
async def pull_weights(visitor: VisitorDep, fetching: FetchingDep, form: FormDep) -> Response:  # noqa: ARG001 - its token was checked
    """Fetch the weights of the model in force."""
    visitor.caller.check("manage")
    fetching.start(await weights_of(visitor.service.settings))
    return see_other(f"{PLACE}#model")


@router.post(f"{PLACE}/stop")
async def stop_pull(visitor: VisitorDep, fetching: FetchingDep, form: FormDep) -> Response:  # noqa: ARG001 - its token was checked
    """Fetch no more; what has come is kept."""
    visitor.caller.check("manage")
    fetching.stop()
    return see_other(f"{PLACE}#model")


@router.post(f"{PLACE}/demo")
async def start_demo(request: Request, visitor: VisitorDep, form: FormDep) -> Response:  # noqa: ARG001 - its token was checked
    """Put example files on the desk and ask for the first thing; it leads to a question in the inbox."""
    thread = await begin_demo(visitor.service, talking(request, visitor))
    return see_other(f"{CHAT}/{thread.id}")


@router.get(f"{PLACE}/live")
async def watch_pull(request: Request, visitor: VisitorDep, fetching: FetchingDep) -> EventSourceResponse:
    """Tells the open page how far the weights are."""

    async def state() -> str:
        return _fingerprint(fetching.latest)

    return live(request, visitor, state)


def _fingerprint(fetch: Fetch | None) -> str:
    return f"{fetch.state}-{fetch.percent}-{fetch.source}" if fetch else "none"
