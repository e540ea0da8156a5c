"""How pages fail: as pages, in words, for whoever reads pages; as problems for whoever asks by a script."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from nexus.api.errors import DecisionTooLate, headers_of, problem_of, render
from nexus.api.pages.visitor import LogInFirst, see_other
from nexus.core.display import visible
from nexus.errors import InvalidInput, NexusError, Unidentified
from nexus.web.pages import page

LOG_IN = "/ui/login"


class PageRoute(APIRoute):
    """A route whose errors a person can read, and which leads to the log-in whoever it does not know."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with its errors made pages."""
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except LogInFirst:
                return _to_log_in(request)
            except RequestValidationError:
                return _told(request, InvalidInput("this page has no such address", field="address"))
            except (NexusError, DecisionTooLate) as error:
                return _told(request, error.error if isinstance(error, DecisionTooLate) else error)

        return handled


def page_router() -> APIRouter:
    """A router of pages: none of its routes is in the API's document."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)


def is_for_a_person(request: Request) -> bool:
    """True if the answer is shown as it is; scripts say that they want something else."""
    return "text/html" in request.headers.get("accept", "")


def _to_log_in(request: Request) -> Response:
    if not is_for_a_person(request):
        error = Unidentified("You are not logged in any more.", remedy="Open the page again.")
        return render(problem_of(error))
    here = request.url.path if request.method == "GET" else "/"
    return see_other(LOG_IN if here == "/" else f"{LOG_IN}?next={quote(here)}")


def _told(request: Request, error: NexusError) -> Response:
    problem = problem_of(error)
    if not is_for_a_person(request):
        return render(problem, headers_of(error))
    return page(
        "problem.html",
        status=problem.status,
        title=problem.title,
        detail=visible(problem.detail),
        remedy=problem.remedy,
        home=True,
    )
