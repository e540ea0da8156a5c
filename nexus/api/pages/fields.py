"""What the forms of pages send: read only if it comes from a page that was shown to this very visitor."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from nexus.api.pages.visitor import COOKIE, Visitor, VisitorDep, about_forms, clock_of
from nexus.core.forms import check_form_token
from nexus.errors import InvalidInput
from nexus.ports.sessions import LASTING
from nexus.runtime.services import Services

MAX_FIELDS = 1_000
"""Fields of a form that are read."""

_AGAIN = "Open the page again."


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; of one that was sent several times, all values."""

    values: Mapping[str, list[str]]

    def text(self, name: str, default: str = "") -> str:
        """What a person wrote: browsers send two characters for each line break. Raises InvalidInput."""
        found = self.values.get(name, [default])
        if len(found) != 1:
            raise InvalidInput("it is there twice", field=name, remedy=_AGAIN)
        return found[0].replace("\r\n", "\n")

    def all(self, name: str) -> list[str]:
        """Every value of that name."""
        return [value.replace("\r\n", "\n") for value in self.values.get(name, [])]

    def __contains__(self, name: object) -> bool:
        return name in self.values


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
    form = fields_of(await request.body())
    await check_token(request, form.text("token"), _about(request, visitor))
    return form


async def _upload(request: Request, visitor: VisitorDep) -> AsyncGenerator[Upload]:
    """The files are there as long as the route runs."""
    try:
        sent = await request.form(max_fields=MAX_FIELDS)
    except HTTPException as error:
        raise InvalidInput("it is no form of the page", field="body", remedy=_AGAIN) from error
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


def fields_of(body: bytes) -> Form:
    """The fields in a body. Raises InvalidInput: it is no form."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            max_num_fields=MAX_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise InvalidInput("it is no form of the page", field="body", remedy=_AGAIN) from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return Form(found)
