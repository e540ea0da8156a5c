"""Endpoints and deliveries, for a person and for a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nexus.cli.watcher import Watcher
from nexus.cli.words import one_line
from nexus.errors import InvalidInput
from nexus.notify.messages import MESSAGE_KINDS
from nexus.notify.sender import NotDelivered
from nexus.ports.deliveries import Delivery
from nexus.ports.endpoints import Endpoint
from nexus.runtime.notices import Channel


def checked_events(events: Sequence[str] | None) -> Sequence[str]:
    """The events an endpoint is told of: all, unless some are named. Raises InvalidInput."""
    for event in events or ():
        if event not in MESSAGE_KINDS:
            raise InvalidInput(
                f"there is no event {event[:80]!r}",
                field="--event",
                remedy=f"Use: {', '.join(MESSAGE_KINDS)}.",
            )
    return tuple(dict.fromkeys(events)) if events else MESSAGE_KINDS


def show_secret(watcher: Watcher, endpoint: Endpoint) -> None:
    """An endpoint with its new secret."""
    facts = {**_facts(endpoint), "secret": endpoint.secret}
    watcher.table(["endpoint", "secret"], [(facts, [endpoint.id, endpoint.secret])], nothing="")
    watcher.note("Check each message with it, as Standard Webhooks says. It is not shown again.")


def show_endpoints(watcher: Watcher, endpoints: Sequence[Endpoint]) -> None:
    """The endpoints, one a line."""
    entries = [(_facts(each), [each.id, one_line(each.url), _state(each)]) for each in endpoints]
    watcher.table(["endpoint", "where", "is"], entries, nothing="No program is told what happens.")


def show_deliveries(watcher: Watcher, deliveries: Sequence[Delivery]) -> None:
    """The deliveries, one a line."""
    entries = [(_delivery_facts(each), _delivery_cells(each)) for each in deliveries]
    columns = ["delivery", "event", "to", "is", "attempts", "why"]
    watcher.table(columns, entries, nothing="Nothing was sent, and nothing waits.")


def _state(endpoint: Endpoint) -> str:
    if endpoint.disabled_at:
        return f"off: {endpoint.disabled_because}"
    if endpoint.failing_since:
        return f"failing since {endpoint.failing_since.astimezone():%Y-%m-%d %H:%M}"
    return "on, may decide" if endpoint.may_decide else "on"


def _facts(endpoint: Endpoint) -> dict[str, Any]:
    facts = endpoint.facts
    return {"endpoint_id": facts.pop("id"), **facts}


def _delivery_facts(delivery: Delivery) -> dict[str, Any]:
    facts = delivery.facts
    return {"delivery_id": facts.pop("id"), **facts}


def _delivery_cells(delivery: Delivery) -> list[str]:
    return [
        delivery.id,
        delivery.message.kind,
        delivery.endpoint,
        delivery.state,
        str(delivery.attempts),
        delivery.error or "",
    ]


async def try_channel(channel: Channel) -> str | None:
    """Why a message does not arrive there; None if it does."""
    try:
        answer = await channel.send("Nexus can reach you here.", "This is a test. It asks nothing.")
    except NotDelivered as error:
        return str(error)
    return None if answer.is_accepted else f"it answered {answer.status}"


def show_tried(watcher: Watcher, tried: Mapping[str, str | None]) -> None:
    """The channels that were tried, one a line."""
    entries = [({"channel": name, "problem": why}, [name, why or "reached"]) for name, why in tried.items()]
    nothing = "No channel is set up: NEXUS_NOTIFY_URL or NEXUS_SLACK_WEBHOOK_URL says where."
    watcher.table(["channel", "is"], entries, nothing=nothing)
