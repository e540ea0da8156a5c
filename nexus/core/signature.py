"""Signed messages, as Standard Webhooks has them: who sent one, that nobody changed it, and that it is fresh.

What is signed is `{webhook-id}.{webhook-timestamp}.{body}`, with HMAC-SHA256; the header may hold several
signatures, parted by spaces, each as `v1,BASE64`: while a secret is changed, the old and the new one sign.
The library signs. It does not check here: it takes ids again, has a clock of its own, and answers what is
malformed with errors of four kinds.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from nexus.errors import Unidentified

TOLERANCE = timedelta(minutes=5)
"""How old a message may be, or how far ahead its sender's clock."""

MAX_SIGNATURES = 20
"""More than that many secrets nobody changes at once."""

ID, TIME, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"

_MESSAGE_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,200}")  # no dot: it parts what is signed
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")  # as the library writes it, since that is what is signed


def signed(secrets: Sequence[str], *, message: str, at: datetime, body: str) -> dict[str, str]:
    """The headers of a message, with a signature by each secret (`whsec_` and base64)."""
    signatures = [Webhook(secret).sign(message, at, body) for secret in secrets]
    return {ID: message, TIME: str(int(at.timestamp())), SIGNATURE: " ".join(signatures)}


def check_signed(
    secrets: Sequence[str | bytes], headers: Mapping[str, str], body: bytes, *, now: datetime
) -> str:
    """The id of a message that one of the secrets signed within the last minutes.

    Args:
        secrets: `whsec_` and base64, or the bytes of a key as they are.
        headers: By their names in lower case.
        body: As it arrived.
        now: The time.

    Raises:
        Unidentified: Anything is missing, malformed, wrong or too old. Whether the message was here before
            is for the caller to know.
    """
    message, sent_at = headers.get(ID, ""), headers.get(TIME, "")
    if not _MESSAGE_ID.fullmatch(message) or not _TIMESTAMP.fullmatch(sent_at):
        raise _not_signed()
    if not _is_signed(secrets, headers.get(SIGNATURE, ""), message, int(sent_at), body):
        raise _not_signed()
    if abs(now.timestamp() - int(sent_at)) > TOLERANCE.total_seconds():
        raise Unidentified(
            "The message is too old, or one of the two clocks is wrong.",
            remedy="Sign it anew when you send it again.",
        )
    return message


def _is_signed(secrets: Sequence[str | bytes], given: str, message: str, sent_at: int, body: bytes) -> bool:
    try:
        text, at = body.decode(), datetime.fromtimestamp(sent_at, UTC)
    except (UnicodeDecodeError, ValueError, OverflowError, OSError):
        return False
    wanted = [Webhook(secret).sign(message, at, text).encode() for secret in secrets]
    found = given.split(" ", MAX_SIGNATURES)[:MAX_SIGNATURES]
    return any(hmac.compare_digest(each.encode(), one) for each in found for one in wanted)


def _not_signed() -> Unidentified:
    return Unidentified(
        "The message is not signed by whom it should be.",
        remedy="Sign `id.timestamp.body` as Standard Webhooks has it, with the secret that is shared.",
    )
