"""Forms on pages: a token in each that only the page which showed it can have."""

from __future__ import annotations

import hmac
import re
from datetime import datetime, timedelta

from nexus.errors import Unidentified

VALID = timedelta(hours=1)
"""How long a page may stay open before its form is sent."""

_TOKEN = re.compile(r"([1-9][0-9]{0,11})\.([0-9a-f]{64})")


def form_token(key: str, about: str, *, now: datetime) -> str:
    """The token of a form about something, shown at that time. Only who knows the key can make it."""
    return _token(key, about, int(now.timestamp()))


def check_form_token(token: str, key: str, about: str, *, now: datetime, valid: timedelta = VALID) -> None:
    """Make sure that a form was shown lately, at most `valid` ago, with exactly this on it.

    Raises:
        Unidentified: It was not.
    """
    match = _TOKEN.fullmatch(token)
    shown = int(match[1]) if match else 0
    is_ours = hmac.compare_digest(_token(key, about, shown).encode(), token.encode())
    if not is_ours or not 0 <= now.timestamp() - shown <= valid.total_seconds():
        raise Unidentified(
            "This did not come from the page that shows the action, or the page was open for too long.",
            remedy="Open the link again.",
        )


def _token(key: str, about: str, shown: int) -> str:
    return f"{shown}.{hmac.new(key.encode(), f'{shown}.{about}'.encode(), 'sha256').hexdigest()}"
