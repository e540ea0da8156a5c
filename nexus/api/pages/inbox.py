"""The inbox: what waits for a person."""

from __future__ import annotations

from fastapi import Response

from nexus.api.pages.routing import page_router
from nexus.api.pages.visitor import VisitorDep

router = page_router()


@router.get("/")
async def show_inbox(visitor: VisitorDep) -> Response:
    """Every question that waits for the visitor, by thread."""
    pending = await visitor.service.parts.approvals.search(limit=1000)
    return visitor.page("inbox.html", at="/", pending=pending)
