"""Results that were too long to be shown whole."""

# ruff: noqa: FAST003 - the ids in the paths go to the dependencies

from __future__ import annotations

from typing import Any, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from nexus.api.dependencies import Id, ServiceDep, ThreadDep
from nexus.api.openapi import problems
from nexus.core.action import ThreadId
from nexus.errors import NotFound
from nexus.ports.results import StoredResult

router = APIRouter(prefix="/threads", tags=["threads"])

_EXAMPLE: dict[str, Any] = {"id": "r1", "tool": "mail_search", "text": "…", "length": 48210}


class ResultView(BaseModel):
    """A tool's result, whole."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    tool: str = Field(description="The tool whose result it is")
    text: str
    length: int = Field(description="Its characters; if the text has fewer, the rest was not kept")

    @classmethod
    def of(cls, stored: StoredResult) -> Self:
        """The view of a result."""
        return cls.model_validate(stored)


@router.get("/{thread_id}/results/{result_id}", responses=problems(404), summary="Show a long result whole")
async def show_result(thread: ThreadDep, result_id: Id, service: ServiceDep) -> ResultView:
    """What the model was shown in part; the part it was shown names the result."""
    if service.results is None:
        raise NotFound("Results are not kept here.")
    return ResultView.of(await service.results.get(result_id, thread=ThreadId(thread.id)))
