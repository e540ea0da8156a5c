"""`nexus notify`: the channels by which people are asked."""

from __future__ import annotations

import typer

from nexus.cli.entry import JsonFlag, notices_of

notify = typer.Typer(help="Try the channels by which people are asked.", no_args_is_help=True)


@notify.callback()
def begin() -> None:
    """Try the channels by which people are asked."""


@notify.command("test")
def try_(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """Send a message without a question to every channel that is set up."""
    from nexus.cli.exits import DONE, UNAVAILABLE
    from nexus.cli.session import Session, carry_out
    from nexus.cli.webhooks_listing import show_tried, try_channel

    async def work(session: Session) -> int:
        async with notices_of(context) as notices:
            tried = {name: await try_channel(channel) for name, channel in notices.channels.items()}
        show_tried(session.watcher, tried)
        return UNAVAILABLE if any(tried.values()) else DONE

    carry_out(work, as_json=as_json)
