"""What /docs says beyond the routes' own words: every error, and the forms of a decision."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from graphs.dialects import Answer
from nexus.api.errors import MEDIA_TYPE, Problem, http_problem, problem_of
from nexus.api.views import APPROVAL_EXAMPLE
from nexus.errors import (
    ApprovalExpired,
    Conflict,
    InvalidInput,
    NotFound,
    OutputCut,
    StoreUnavailable,
    Unidentified,
)

_SCHEMAS = "#/components/schemas/"

_EXAMPLES: dict[int, tuple[str, Problem]] = {
    400: ("The body is not acceptable JSON", http_problem(400, "The body is not acceptable JSON: …")),
    401: (
        "A key is needed, or this one is not valid",
        problem_of(
            Unidentified("This server needs a key.", remedy="Send one as `Authorization: Bearer KEY`.")
        ),
    ),
    403: (
        "Not allowed: a page of another site, or a policy rule",
        http_problem(403, "A page of another site may not change anything here."),
    ),
    404: ("There is no such thing", problem_of(NotFound("There is no thread '1b4e'."))),
    408: (
        "The body did not arrive in time",
        http_problem(408, "The body did not arrive within 30 seconds."),
    ),
    409: (
        "Somebody else was first, or the digest is not the current one",
        problem_of(Conflict("Approval 5d0c-1 is already approved.")).model_copy(
            update={"approval": {**APPROVAL_EXAMPLE, "state": "approved", "decided_by": "cli:ana"}}
        ),
    ),
    410: ("The time to decide is over", problem_of(ApprovalExpired())),
    413: ("The body is too large", http_problem(413, "The body is larger than 1,048,576 bytes.")),
    415: ("The body is not JSON", http_problem(415, "The body must be JSON.")),
    421: (
        "The Host header is not a name of this server",
        http_problem(421, "This server does not answer to that host name."),
    ),
    422: (
        "Something in the request cannot be used",
        problem_of(InvalidInput("it is empty", field="request", remedy="Say what you want done.")),
    ),
    500: (
        "Nexus failed inside",
        http_problem(500, "Nexus failed inside; its log says where."),
    ),
    502: (
        "The model's answer cannot be used; the thread can be resumed",
        problem_of(OutputCut(remedy="Raise NEXUS_NUM_CTX.")),
    ),
    503: ("Try again after Retry-After seconds", problem_of(StoreUnavailable())),
}

_ALWAYS = (421, 500)
_WITH_STORE = (401, 403, 422, 503)
_CHANGES = (400, 408, 413, 415)


def problems(*statuses: int, stored: bool = True, changes: bool = False) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with these problems and the common ones."""
    every = {*statuses, *_ALWAYS, *(_WITH_STORE if stored else ()), *(_CHANGES if changes else ())}
    return {status: _response(status) for status in sorted(every)}


def answer_body() -> dict[str, Any]:
    """The request body of a decision: every form that is understood, with examples."""
    approve = {"type": "approve", "digest": APPROVAL_EXAMPLE["digest"], "comment": "As agreed on Monday."}
    edit = {
        "type": "edit",
        "edited_action": {"name": "mail_send", "args": {"to": ["ana@example.com"], "subject": "Hello"}},
    }
    examples = {
        "approve": approve,
        "edit": edit,
        "reject": {"type": "reject", "message": "Ask Ana first."},
        "respond": {"type": "respond", "message": "I have told them already."},
        "LangChain": {"decisions": [approve]},
        "agent-inbox": [{"type": "accept", "args": None}],
    }
    schema = _answer_schema()
    schema.pop("$defs")
    content = {
        "schema": schema,
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the application."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        separate_input_output_schemas=False,
    )
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema(ref_template=f"{_SCHEMAS}{{model}}")
    schemas.update(_answer_schema()["$defs"])
    return document


def _response(status: int) -> dict[str, Any]:
    description, example = _EXAMPLES[status]
    shown = {
        "schema": {"$ref": f"{_SCHEMAS}Problem"},
        "example": example.model_dump(exclude_none=True, mode="json"),
    }
    response: dict[str, Any] = {"description": description, "content": {MEDIA_TYPE: shown}}
    if status == 503:  # noqa: PLR2004 - the one that says when
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}}
    return response


def _answer_schema() -> dict[str, Any]:
    return TypeAdapter[Any](Answer).json_schema(ref_template=f"{_SCHEMAS}{{model}}")
