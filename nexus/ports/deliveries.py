"""Messages on their way to an endpoint, and the log of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from nexus.ports.endpoints import Endpoint

DeliveryState = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell.

    Attributes:
        id: The same for every attempt to tell it: whoever knows it need not act on it again.
        kind: What it is about, e.g. `approval.requested`.
        body: What is sent, as JSON.
    """

    id: str
    kind: str
    body: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one endpoint.

    Attributes:
        attempts: How often it was tried.
        next_at: When it is tried next; None if it is not.
        status: The HTTP status of the last answer.
        error: Why the last attempt did not succeed.
    """

    id: str
    endpoint: str
    message: Message
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_at: datetime | None = None
    last_at: datetime | None = None
    status: int | None = None
    error: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What is shown of it in a list: not what it says."""
        return {
            "id": self.id,
            "endpoint_id": self.endpoint,
            "message_id": self.message.id,
            "event": self.message.kind,
            "state": self.state,
            "attempts": self.attempts,
            "created_at": self.created_at,
            "next_at": self.next_at,
            "last_at": self.last_at,
            "status": self.status,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt ended."""

    number: int
    at: datetime
    status: int | None
    error: str | None


class Deliveries(Protocol):
    """Durable before it returns. Those of one user see that user's only; those of nobody see all."""

    async def waiting(self) -> Sequence[Endpoint]:
        """Every endpoint that is on, of the owner and of users whose key is valid."""
        ...

    async def enqueue(self, endpoint: Endpoint, messages: Sequence[Message], *, cursor: int) -> None:
        """Note that these are to be sent there, each once, and that the log was read up to `cursor`."""
        ...

    async def has_due(self, now: datetime, *, but: Sequence[str] = ()) -> bool:
        """True if something is to be sent, to other endpoints than `but`. Asked often; writes nothing."""
        ...

    async def claim(
        self, *, limit: int, lease: timedelta, but: Sequence[str] = ()
    ) -> Sequence[tuple[Delivery, Endpoint]]:
        """Those that are due, one an endpoint, to other endpoints than `but`.

        For the lease nobody else gets them; after it, whoever died had them in vain.
        """
        ...

    async def settle(
        self, delivery: Delivery, *, status: int | None, error: str | None, again_in: timedelta | None
    ) -> None:
        """Note how an attempt ended.

        Args:
            delivery: As it was claimed.
            status: The HTTP status of the answer, if there was one.
            error: Why it did not succeed; None if it did.
            again_in: When to try again; None: never. An endpoint that nothing has reached for most of a
                day is switched off with it.
        """
        ...

    async def disable(self, endpoint: Endpoint, *, because: str) -> None:
        """Send nothing more to an endpoint; what waits for it has failed."""
        ...

    async def search(
        self, *, endpoint: str | None = None, state: DeliveryState | None = None, limit: int = 100
    ) -> Sequence[Delivery]:
        """Deliveries, the newest first."""
        ...

    async def get(self, delivery_id: str) -> tuple[Delivery, Sequence[Attempt]]:
        """The one of exactly that id, with every attempt. Raises NotFound."""
        ...

    async def replay(self, delivery_id: str) -> Delivery:
        """Send it once more, now, with the same id and body. Raises NotFound, Conflict."""
        ...
