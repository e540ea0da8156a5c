"""What the forms of pages send: read only if it comes from a page that was shown to this very visitor."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from nexus.api.fields import AGAIN, Form, form_of
from nexus.api.pages.visitor import COOKIE, Visitor, VisitorDep, about_forms, clock_of
from nexus.core.forms import check_form_token
from nexus.errors import InvalidInput
from nexus.ports.sessions import LASTING
from nexus.runtime.services import Services

MAX_FIELDS = 1_000
"""Fields of a form that are read."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A form, and the files in it by the names of their fields."""

    form: Form
    files: Mapping[str, UploadFile]


async def check_token(request: Request, token: str, about: str) -> None:
    """Make sure that a form came from a page about that. Raises Unidentified."""
    services: Services = request.state.services
    key = await services.sessions.page_key()
    check_form_token(token, key, about, now=clock_of(request).now(), valid=LASTING)


async def _form(request: Request, visitor: VisitorDep) -> Form:
    form = form_of(await request.body(), most=MAX_FIELDS)
    await check_token(request, form.text("token"), _about(request, visitor))
    return form


async def _upload(request: Request, visitor: VisitorDep) -> AsyncGenerator[Upload]:
    """The files are there as long as the route runs."""
    try:
        sent = await request.form(max_fields=MAX_FIELDS)
    except HTTPException as error:
        raise InvalidInput("it is no form of the page", field="body", remedy=AGAIN) from error
    try:
        yield await _checked(request, visitor, sent)
    finally:
        await sent.close()


async def _checked(request: Request, visitor: Visitor, sent: FormData) -> Upload:
    texts: dict[str, list[str]] = {}
    for name, value in sent.multi_items():
        if isinstance(value, str):
            texts.setdefault(name, []).append(value)
    form = Form(texts)
    await check_token(request, form.text("token"), _about(request, visitor))
    return Upload(form, {name: value for name, value in sent.items() if isinstance(value, UploadFile)})


def _about(request: Request, visitor: VisitorDep) -> str:
    secret = request.cookies.get(COOKIE) if visitor.has_session else None
    return about_forms(visitor.caller.user, secret)


FormDep = Annotated[Form, Depends(_form)]
UploadDep = Annotated[Upload, Depends(_upload)]
