"""What `nexus doctor` says of outside apps, and where connections leave to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from nexus.cli.health import Check
from nexus.cli.words import one_line
from nexus.core.user import OWNER
from nexus.errors import NexusError
from nexus.settings import Settings
from nexus.tools.composio.project import CATALOGUE_FILE, ORIGIN, ComposioProject, open_project

PATIENCE = 20.0
"""Seconds Composio may take to answer; loading its client is not counted."""


async def check_composio(settings: Settings) -> AsyncIterator[Check]:
    """Whether Composio is reached, what of it is on this machine, and every place connections leave to."""
    async with open_project(settings) as project:
        if project is None:
            yield Check("composio", "ok", "off: COMPOSIO_API_KEY is not set")
        else:
            yield await _reached(project)
            if (settings.home / CATALOGUE_FILE).exists():
                for check in await asyncio.to_thread(_catalogue, project):
                    yield check
    yield egress(settings)


async def _reached(project: ComposioProject) -> Check:
    try:
        await project.client()
        async with asyncio.timeout(PATIENCE):
            accounts = await project.ask_accounts(OWNER)
    except (NexusError, TimeoutError) as error:
        why = one_line(str(error) or f"no answer within {PATIENCE:.0f} seconds", limit=300)
        remedy = "Check the network and COMPOSIO_API_KEY; what was read before stays usable."
        return Check("composio", "warn", f"{project.origin} is not reached: {why}", remedy)
    connected = ", ".join(f"{toolkit} ({account})" for toolkit, account in sorted(accounts.items()))
    return Check(
        "composio",
        "ok",
        f"{project.origin} answers; connected: {one_line(connected, limit=600) or 'nothing'}",
    )


def _catalogue(project: ComposioProject) -> list[Check]:
    read = sum(each.synced is not None for each in project.catalogue.toolkits())
    text = f"{project.catalogue.number_of_tools():,} tools of {read:,} apps are on this machine"
    found = [Check("catalogue", "ok", text)]
    if faults := project.catalogue.faults():
        slug, why = faults[0]
        first = one_line(f"{slug}: {why}", limit=200)
        found.append(Check("catalogue", "warn", f"{len(faults)} tools cannot be used, the first {first}"))
    return found


_PINECONE = "https://api.pinecone.io"

_ROWS = "`nexus webhooks list` has the endpoints, and weights are fetched by `nexus model pull`"
"""Where else connections go, which no setting says."""


def egress(settings: Settings) -> Check:
    """Every place that these settings let connections leave this machine to."""
    places = sorted(set(_places(settings)))
    if not places:
        return Check("egress", "ok", f"no setting lets a connection leave this machine; {_ROWS}")
    return Check(
        "egress",
        "ok",
        f"connections leave this machine to: {one_line(', '.join(places), limit=900)}; {_ROWS}",
    )


def _places(settings: Settings) -> Iterator[str]:
    """Where Nexus connects to beyond this machine; programs that MCP servers are do as they like."""
    urls = [settings.ollama_url] if settings.embeddings or _may_ask_ollama(settings) else []
    if settings.model and settings.model.startswith("openai:"):
        urls.append(settings.model.removeprefix("openai:"))
    if settings.composio_api_key is not None:
        urls.append(settings.composio_base_url or ORIGIN)
    urls += [server.url for server in settings.mcp.values() if server.url]
    store, _, place = settings.memory.partition("#")[0].partition(":")
    if store == "chroma" and place:
        urls.append(place)
    if store == "pinecone":
        urls.append(settings.pinecone_url or _PINECONE)
    if settings.slack_webhook_url is not None:
        urls.append(settings.slack_webhook_url.get_secret_value())
    for url in urls:
        parts = urlsplit(url)
        if not _is_loopback(parts.hostname or ""):
            yield f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if settings.notify_url is not None:
        # apprise's URLs hold keys where others have a host: only the kind of channel is told.
        for channel in settings.notify_url.get_secret_value().split():
            yield f"{channel.partition(':')[0]}: (NEXUS_NOTIFY_URL)"


def _may_ask_ollama(settings: Settings) -> bool:
    return settings.model is None or settings.model.startswith("ollama:")


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")
