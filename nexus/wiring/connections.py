"""Each user's accounts at outside apps, and what follows when one of them changes."""

from __future__ import annotations

import logging

from nexus.errors import NexusError
from nexus.ports.connections import Connection
from nexus.runtime.toolkits import Toolkits
from nexus.store.webhooks import SqliteSeenMessages
from nexus.tools.composio.connections import ComposioConnections
from nexus.tools.composio.webhooks import ComposioWebhooks
from nexus.tools.registry import Registry
from nexus.wiring.shared import Shared

_log = logging.getLogger(__name__)


def connections_for(shared: Shared, registry: Registry, toolkits: Toolkits) -> ComposioConnections | None:
    """The user's accounts; None if Composio is off.

    When one changes, that is written where every process sees it, and the app of an active one is on.
    """
    project = shared.composio
    if project is None:
        return None

    async def changed(user: str, connection: Connection) -> None:
        try:
            await project.list_accounts(user)
            if connection.state == "active":
                await toolkits.switch(connection.toolkit, is_on=True)
            else:
                await registry.freshen()
        except NexusError as error:
            # The account is what it is; the next run looks again.
            _log.warning("%s changed, but its tools were not taken in: %s", connection.toolkit, error)

    return ComposioConnections(project.client, clock=shared.clock, changed=changed)


def webhooks_for(shared: Shared) -> ComposioWebhooks | None:
    """What lets Composio's messages in; None without the secret they are signed with."""
    secret = shared.settings.composio_webhook_secret
    if secret is None:
        return None
    seen = SqliteSeenMessages(shared.database)
    return ComposioWebhooks(secret.get_secret_value(), clock=shared.clock, seen=seen)
