"""People's channels: Slack, mail, ntfy, Telegram, Discord and a hundred more, by one URL of `apprise`.

apprise knows each service's form, limits and escaping; writing that again would be a project of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from nexus.core.approval import Approval
from nexus.errors import NotFound, SettingsInvalid
from nexus.notify.sender import Answer, NotDelivered
from nexus.notify.wording import question_of
from nexus.ports.deliveries import Message
from nexus.ports.endpoints import Endpoint
from nexus.ports.links import Links

SENDING_SECONDS = 60.0
"""How long a channel may take."""

CHANNEL_KINDS = ("approval.requested",)
"""What people are told of: what waits for them."""

ApprovalOf = Callable[[str, str], Awaitable[Approval]]

_TAKEN = Answer(200)


class ChannelCarrier:
    """Implements `nexus.notify.deliverer.Carrier`.

    Args:
        url: Where to send, as apprise has it; several parted by blanks.
        links: Make the links by which people decide.
        approval_of: The approval of a user by its id.
        address: What links begin with.
    """

    def __init__(self, url: str, *, links: Links, approval_of: ApprovalOf, address: str) -> None:
        self._url = url
        self._links = links
        self._approval_of = approval_of
        self._address = address

    async def carry(self, endpoint: Endpoint, message: Message) -> Answer:
        """Ask people, unless somebody has decided meanwhile. Each attempt has a link of its own."""
        data = json.loads(message.body)["data"]
        link = await link_to(self._links, self._approval_of, endpoint, data, self._address, through="channel")
        if link is None:
            return _TAKEN
        question = question_of(data)
        return await self.send(question.title, f"{question.text}\n\nSee it and decide:\n{link[1]}")

    async def send(self, title: str, text: str) -> Answer:
        """Send a text. Raises NotDelivered."""
        try:
            async with asyncio.timeout(SENDING_SECONDS):
                channel = await asyncio.to_thread(_open, self._url)
                taken = await channel.async_notify(body=text, title=title, body_format="text")
        except TimeoutError as error:
            raise NotDelivered(f"no answer within {SENDING_SECONDS:.0f} seconds") from error
        except SettingsInvalid as error:
            raise NotDelivered(error.message) from error
        if not taken:
            raise NotDelivered("the channel did not take it")
        return _TAKEN


async def link_to(
    links: Links,
    approval_of: ApprovalOf,
    endpoint: Endpoint,
    data: dict[str, Any],
    address: str,
    *,
    through: str,
) -> tuple[str, str] | None:
    """The secret and URL of a new link for the approval of a message; None if it is decided already."""
    try:
        approval = await approval_of(endpoint.user, data["approval_id"])
    except NotFound:
        return None
    if not approval.is_pending:
        return None
    secret = await links.make(endpoint.user, approval, through=through)
    return secret, f"{address}/decide?link={secret}"


def _open(url: str) -> Any:
    """The channel behind a URL. Loads apprise, which takes a while.

    Raises:
        SettingsInvalid: There is none.
    """
    # Only who has a channel pays for it. Its own log holds parts of URLs, which are secrets.
    import apprise  # noqa: PLC0415

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    channel = apprise.Apprise()
    if not all(channel.add(each) for each in url.split()) or not len(channel):
        raise SettingsInvalid("it is no URL that apprise knows", field="NEXUS_NOTIFY_URL")
    return channel
