"""Whether the server answers."""

from __future__ import annotations

from fastapi import APIRouter

from nexus.api.openapi import problems
from nexus.api.views import Ok

router = APIRouter(tags=["server"])


@router.get("/ok", responses=problems(stored=False), summary="Is the server there?")
async def ok() -> Ok:
    """Answers as soon as requests are served."""
    return Ok()
