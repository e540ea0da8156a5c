"""Renders pages. Every value in a template is escaped; what others wrote is made visible before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

STATIC = Path(__file__).parent / "static"
"""Served under `/static`."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    # With `no-referrer` a browser sends forms with `Origin: null`; this keeps the link from others as well.
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of every page: no script at all, nothing from other sites, in no frame, kept by nobody."""

_TEMPLATES = Environment(
    loader=PackageLoader("nexus.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from a template of `nexus/web/templates`."""
    text = _TEMPLATES.get_template(template).render(**values)
    return HTMLResponse(text, status, headers=HEADERS)
