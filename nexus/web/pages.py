"""Renders pages. Every value in a template is escaped; what others wrote is made visible before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from nexus.core.display import visible
from nexus.core.shown import Row, rows
from nexus.web.telling import amount, duration, told_of

STATIC = Path(__file__).parent / "static"
"""Served under `/static`."""

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    # With `no-referrer` a browser sends forms with `Origin: null`; this keeps the link from others as well.
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of every page: no script at all, nothing from other sites, in no frame, kept by nobody."""

WITH_SCRIPTS = {
    **HEADERS,
    "Content-Security-Policy": f"{_POLICY}; script-src 'self'; connect-src 'self'",
}
"""Of pages with scripts: those of `nexus/web/static` and no others; they reach this server alone."""

WHOLE = 2_500_000
"""More characters than anything on a page may have: `shown` leaves nothing out."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the navigation leads to."""

    name: str
    path: str


def page(template: str, *, status: int = 200, scripts: bool = False, **values: Any) -> HTMLResponse:
    """A page from a template of `nexus/web/templates`."""
    text = _TEMPLATES.get_template(template).render(**values)
    return HTMLResponse(text, status, headers=_headers(scripts=scripts))


def _headers(*, scripts: bool) -> Mapping[str, str]:
    return WITH_SCRIPTS if scripts else HEADERS


def _shown(text: object, limit: int = WHOLE) -> str:
    """What others wrote, with what hides or reorders text spelled out."""
    return visible(str(text), limit=limit)


def _rows(arguments: Mapping[str, Any], origins: Mapping[str, str]) -> list[Row]:
    """The single values of a call, nothing left out."""
    return rows(arguments, origins, limit=WHOLE)


def _when(time: datetime) -> Markup:
    """A time: in UTC as it stands, in the reader's own where scripts run."""
    return Markup('<time datetime="{}">{}</time>').format(
        time.isoformat(timespec="seconds"), f"{time:%Y-%m-%d %H:%M} UTC"
    )


def _clock(time: datetime) -> Markup:
    """Likewise with seconds, and without the day."""
    return Markup('<time class="clock" datetime="{}" title="{}">{}</time>').format(
        time.isoformat(timespec="milliseconds"), f"{time:%Y-%m-%d %H:%M:%S} UTC", f"{time:%H:%M:%S}"
    )


_TEMPLATES = Environment(
    loader=PackageLoader("nexus.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_FILTERS: dict[str, Any] = {
    "shown": _shown,
    "when": _when,
    "clock": _clock,
    "rows": _rows,
    "told": told_of,
    "amount": amount,
    "duration": duration,
}
_TEMPLATES.filters.update(_FILTERS)
