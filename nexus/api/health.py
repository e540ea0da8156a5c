"""Whether the server answers, and what it is."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter

from nexus import __version__
from nexus.api.langgraph.shapes import InfoShape
from nexus.api.openapi import problems
from nexus.api.views import Ok

router = APIRouter(tags=["server"])


@router.get("/ok", responses=problems(stored=False), summary="Is the server there?")
async def ok() -> Ok:
    """Answers as soon as requests are served."""
    return Ok()


@router.get("/info", responses=problems(stored=False), summary="What is this server?")
async def info() -> InfoShape:
    """Versions and abilities, as LangGraph's clients ask for them."""
    flags = {"assistants": True, "crons": False, "langsmith": False, "strict_resume": True}
    return InfoShape(
        version=__version__,
        langgraph_py_version=version("langgraph"),
        flags=flags,
        metadata={"host": {"kind": "self-hosted", "name": "nexus"}},
    )
