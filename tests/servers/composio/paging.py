"""One page of a list, with an opaque cursor to the next."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Sequence
from typing import Any

from tests.servers.composio.errors import bad_request

MAX_LIMIT = 1000
DEFAULT_LIMIT = 20


def page_of(items: Sequence[Any], *, limit: float | None = None, cursor: str | None = None) -> dict[str, Any]:
    """The page that starts at `cursor`; at most 1,000 items, 20 if the caller does not say."""
    size = min(max(int(limit or DEFAULT_LIMIT), 1), MAX_LIMIT)
    start = _offset(cursor) if cursor else 0
    after = start + size
    return {
        "items": list(items[start:after]),
        "next_cursor": _cursor(after) if after < len(items) else None,
        "total_pages": math.ceil(len(items) / size),
        "current_page": start // size + 1,
        "total_items": len(items),
    }


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"from:{offset}".encode()).decode()


def _offset(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("from:"))
    except (binascii.Error, ValueError) as error:
        raise bad_request("Invalid cursor") from error
