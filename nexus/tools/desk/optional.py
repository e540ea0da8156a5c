"""Parameters that may be left out: small models write an empty text where they mean nothing."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator


def _none_if_blank(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


OptionalText = Annotated[str | None, BeforeValidator(_none_if_blank)]
"""A text, or nothing."""
