"""Decisions that programs send: signed with the secret of their endpoint, fresh, and let in once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nexus.core.signature import check_signed
from nexus.errors import Conflict, InvalidInput, NotFound, Refused, Unidentified
from nexus.ports.clock import Clock
from nexus.ports.endpoints import Endpoint, Endpoints
from nexus.ports.webhooks import SeenMessages

DECISION = "approval.decision"
"""The type of the one message that is taken; no message that Nexus sends has it, so none can be sent back."""

_FIELDS = {"endpoint_id", "approval_id", "digest", "decision"}


@dataclass(frozen=True, slots=True)
class SignedDecision:
    """What a program decides.

    Attributes:
        seen_as: What the message is remembered by: noted with the decision, in one transaction.
        answer: In any of the forms an answer may have.
    """

    endpoint: Endpoint
    seen_as: str
    approval_id: str
    digest: str
    answer: Any


class SignedDecisions:
    """Lets in what is signed.

    Args:
        endpoints: Those of all users.
        seen: Remembers what was let in, also across restarts.
        clock: Says how old a message is.
    """

    def __init__(self, endpoints: Endpoints, seen: SeenMessages, clock: Clock) -> None:
        self._endpoints = endpoints
        self._seen = seen
        self._clock = clock

    async def accept(self, headers: Mapping[str, str], body: bytes) -> SignedDecision:
        """What a message decides.

        Raises:
            Unidentified: It is not signed with the secret of the endpoint it names, or too long ago.
            Refused: That endpoint may not decide.
            Conflict: It was here before.
            InvalidInput: It is signed, but is no decision.
        """
        sent = _parsed(body)
        endpoint = await self._endpoint(sent)
        now = self._clock.now()
        message = check_signed(endpoint.secrets_at(now), headers, body, now=now)
        if not endpoint.may_decide:
            raise Refused(
                f"The endpoint {endpoint.id} may not decide.", remedy="Add one with may_decide for that."
            )
        seen_as = f"{endpoint.id}:{message}"
        if await self._seen.has(seen_as):
            raise Conflict("This message was here before.")
        return _decision(endpoint, seen_as, sent)

    async def _endpoint(self, sent: Any) -> Endpoint:
        match sent:
            case {"data": {"endpoint_id": str(endpoint_id)}}:
                try:
                    return await self._endpoints.get(endpoint_id)
                except NotFound:
                    pass
            case _:
                pass
        raise Unidentified(
            "The message does not say of which endpoint it is, or there is none of that id.",
            remedy="Send data.endpoint_id, and sign with that endpoint's secret.",
        )


def _decision(endpoint: Endpoint, seen_as: str, sent: Any) -> SignedDecision:
    match sent:
        case {
            "type": str(kind),
            "data": {"approval_id": str(approval_id), "digest": str(digest), "decision": answer} as data,
        } if kind == DECISION and data.keys() <= _FIELDS:
            return SignedDecision(endpoint, seen_as, approval_id, digest, answer)
        case _:
            raise InvalidInput(
                "it is no decision",
                field="body",
                remedy=f"Send type {DECISION}, and data of endpoint_id, approval_id, digest, decision.",
            )


def _parsed(body: bytes) -> Any:
    """The JSON of a body; None if it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
