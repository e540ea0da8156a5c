"""How the users of one Nexus are told what happened, and how they answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from nexus.core.approval import Approval
from nexus.core.user import OWNER
from nexus.notify.addresses import check_url, parse_networks
from nexus.notify.channels import CHANNEL_KINDS, ChannelCarrier
from nexus.notify.deliverer import Deliverer
from nexus.notify.incoming import SignedDecisions
from nexus.notify.sender import Sender
from nexus.notify.slack import SlackButtons, SlackCarrier
from nexus.notify.webhooks import WebhookCarrier
from nexus.ports.clock import Clock, SystemClock
from nexus.ports.endpoints import Medium
from nexus.ports.links import Links
from nexus.runtime.notices import Notices
from nexus.settings import Settings
from nexus.store.approvals import SqliteApprovals
from nexus.store.audit import SqliteAudit
from nexus.store.database import Database
from nexus.store.deliveries import SqliteDeliveries
from nexus.store.endpoints import SqliteEndpoints
from nexus.store.links import SqliteLinks
from nexus.store.webhooks import SqliteSeenMessages
from nexus.wiring.shared import Shared


def notices_for(shared: Shared) -> Notices:
    """What all users share."""
    return notices_over(shared.database, shared.clock, shared.settings)


@asynccontextmanager
async def open_notices(settings: Settings) -> AsyncGenerator[Notices]:
    """The same by itself: no model, no tools."""
    clock = SystemClock()
    database = Database(settings.home / "nexus.db", clock)
    try:
        yield notices_over(database, clock, settings)
    finally:
        await database.close()


def notices_over(database: Database, clock: Clock, settings: Settings) -> Notices:
    """The same over a database that is open."""
    allowed = parse_networks(settings.webhook_allow)
    sender = Sender(allowed)
    links = SqliteLinks(database)
    channels = _channels(settings, sender, links, database)
    signing_secret = settings.slack_signing_secret
    endpoints = SqliteEndpoints(database, OWNER)

    async def prepare() -> None:
        """Channels are endpoints of the owner's, as long as the settings have them."""
        for medium, setting in _SETTINGS.items():
            await endpoints.keep(medium, setting if medium in channels else None, kinds=CHANNEL_KINDS)

    return Notices(
        endpoints=partial(SqliteEndpoints, database),
        deliveries=partial(SqliteDeliveries, database),
        check_url=partial(check_url, allowed=allowed),
        deliverer=Deliverer(
            SqliteDeliveries(database),
            log_of=partial(SqliteAudit, database),
            approval_of=partial(_approval_of, database),
            carriers={"webhook": WebhookCarrier(sender, clock), **channels},
            clock=clock,
            prepare=prepare,
        ),
        decisions=SignedDecisions(SqliteEndpoints(database), SqliteSeenMessages(database), clock),
        links=links,
        clock=clock,
        slack=(
            SlackButtons(signing_secret.get_secret_value(), sender=sender, clock=clock)
            if signing_secret
            else None
        ),
        channels={_SETTINGS[medium]: channel for medium, channel in channels.items()},
    )


_SETTINGS: dict[Medium, str] = {"channel": "NEXUS_NOTIFY_URL", "slack": "NEXUS_SLACK_WEBHOOK_URL"}


def _channels(
    settings: Settings, sender: Sender, links: Links, database: Database
) -> dict[Medium, ChannelCarrier | SlackCarrier]:
    """What sends to people, as far as the settings say where."""
    approval_of, address = partial(_approval_of, database), settings.address
    found: dict[Medium, ChannelCarrier | SlackCarrier] = {}
    if url := settings.notify_url:
        found["channel"] = ChannelCarrier(
            url.get_secret_value(), links=links, approval_of=approval_of, address=address
        )
    if url := settings.slack_webhook_url:
        found["slack"] = SlackCarrier(
            url.get_secret_value(),
            sender=sender,
            links=links,
            approval_of=approval_of,
            address=address,
            buttons=settings.slack_signing_secret is not None,
        )
    return found


async def _approval_of(database: Database, user: str, approval_id: str) -> Approval:
    return await SqliteApprovals(database, user).get(approval_id)
