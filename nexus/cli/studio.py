"""`nexus studio`: LangGraph Studio, pointed at the server that runs here."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus.cli.entry import JsonFlag

ORIGIN = "https://smith.langchain.com"
"""Where Studio's page is. It needs the internet and a sign-in; what it shows comes from this machine."""


def studio(
    *,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where the server listens.")] = None,
    port: Annotated[int | None, typer.Option(metavar="NUMBER", help="Where the server listens.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the link that opens LangGraph Studio on this server, and what is missing for it to work."""
    from urllib.parse import urlencode

    from nexus.cli.exits import DONE, UNAVAILABLE
    from nexus.cli.session import Session, carry_out
    from nexus.settings import load_settings

    async def work(session: Session) -> int:
        settings = load_settings(host=host, port=port)
        link = f"{ORIGIN}/studio/?{urlencode({'baseUrl': settings.address})}"
        missing = await _missing(settings.address)
        facts = {"link": link, "server": settings.address, "missing": missing}
        session.watcher.table(["link"], [(facts, [link])], nothing="")
        if missing:
            session.watcher.note(missing, tone="warn")
        return UNAVAILABLE if missing else DONE

    carry_out(work, as_json=as_json)


async def _missing(address: str) -> str | None:
    """What has to be done before Studio can be used; None if nothing."""
    import httpx

    asks = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Private-Network": "true",
    }
    try:
        async with httpx.AsyncClient(base_url=address, timeout=30, trust_env=False) as client:
            (await client.get("/ok")).raise_for_status()
            allowed = await client.options("/assistants/search", headers=asks)
    except httpx.HTTPError:
        return f"No server answers at {address}. Start it: NEXUS_CORS_ORIGINS={ORIGIN} nexus serve"
    if allowed.headers.get("access-control-allow-origin") != ORIGIN:
        return (
            f"The server there does not let Studio in. Start it so: NEXUS_CORS_ORIGINS={ORIGIN} nexus serve"
        )
    return None
