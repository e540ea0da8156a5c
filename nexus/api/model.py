"""The model that thinks, and fetching its weights. One download at a time for the whole server."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from nexus.api.access import needs
from nexus.api.dependencies import ServiceDep
from nexus.api.openapi import problems
from nexus.models.state import ModelState, model_state, weights_of
from nexus.runtime.fetching import Fetch, Fetching, FetchState

router = APIRouter(prefix="/model", tags=["model"])

_FETCH: dict[str, Any] = {
    "model": "qwen2.5-coder-1.5b",
    "state": "fetching",
    "done": 412_090_368,
    "total": 1_117_320_768,
    "percent": 36,
    "source": "Hugging Face hub",
    "problem": None,
    "remedy": None,
}

_STATE: dict[str, Any] = {
    "model": "embedded:qwen2.5-coder-1.5b",
    "by_default": True,
    "is_ready": False,
    "problem": "its weights are not here",
    "remedy": "nexus model pull qwen2.5-coder-1.5b",
    "fetch": _FETCH,
}


class FetchView(BaseModel):
    """How a download of weights stands."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_FETCH]})

    model: str
    state: FetchState
    done: int = Field(description="Bytes that are here")
    total: int = Field(description="Bytes that there are")
    percent: int
    source: str | None = Field(default=None, description="Where they come from, once that is known")
    problem: str | None = Field(default=None, description="Why it failed")
    remedy: str | None = None


class ModelView(BaseModel):
    """The model in force, and what it still needs."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STATE]})

    model: str
    by_default: bool = Field(description="Whether no setting names it")
    is_ready: bool = Field(description="Whether it can think right now, as far as can be told unloaded")
    problem: str | None = None
    remedy: str | None = None
    fetch: FetchView | None = Field(default=None, description="The last download; null if there was none")

    @classmethod
    def of(cls, state: ModelState, fetch: Fetch | None) -> Self:
        """The view of a model."""
        return cls(
            model=state.choice.setting,
            by_default=state.is_default,
            is_ready=state.problem is None,
            problem=state.problem,
            remedy=state.remedy,
            fetch=FetchView.model_validate(fetch) if fetch else None,
        )


class Wish(BaseModel):
    """Which weights to fetch."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"model": None}]})

    model: str | None = Field(
        default=None, max_length=100, description="Their name; null: those of the model in force"
    )


async def fetching_of(request: Request) -> Fetching:
    """What fetches weights in this server."""
    return request.state.fetching


FetchingDep = Annotated[Fetching, Depends(fetching_of)]


@router.get("", responses=problems(), summary="Show the model in force")
async def model_in_force(service: ServiceDep, fetching: FetchingDep) -> ModelView:
    """Which model thinks, whether it can right now, and how a download of its weights stands."""
    return ModelView.of(await model_state(service.settings), fetching.latest)


@router.post(
    "/pull",
    status_code=202,
    dependencies=[needs("manage")],
    responses=problems(409, changes=True),
    summary="Fetch weights",
)
async def pull_model(service: ServiceDep, fetching: FetchingDep, body: Wish | None = None) -> FetchView:
    """As `nexus model pull`, beside the requests; asked again, the same download. For admins."""
    model = await weights_of(service.settings, body.model if body else None)
    return FetchView.model_validate(fetching.start(model))


@router.delete(
    "/pull",
    dependencies=[needs("manage")],
    responses=problems(changes=True),
    summary="Stop fetching weights",
)
async def stop_pull(service: ServiceDep, fetching: FetchingDep) -> ModelView:
    """What has come is kept, and the next try goes on with it. For admins."""
    return ModelView.of(await model_state(service.settings), fetching.stop())
