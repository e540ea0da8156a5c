"""`nexus webhooks`: which programs are told what happened, and whether it reached them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.cli.entry import JsonFlag, notices_of

if TYPE_CHECKING:
    from nexus.cli.watcher import Watcher
    from nexus.runtime.notices import Notices

webhooks = typer.Typer(help="Tell your own programs what happened, by signed messages.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `list` or `deliveries` shows it.")]


@webhooks.command()
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to send messages: https.")],
    *,
    event: Annotated[
        list[str] | None, typer.Option(help="Only this event; may be given more than once.")
    ] = None,
    may_decide: Annotated[
        bool, typer.Option("--may-decide", help="Let messages signed with its secret decide approvals.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Add an endpoint, and print the secret its messages are signed with: it is shown this once."""
    from nexus.cli.webhooks_listing import checked_events, show_secret
    from nexus.core.user import OWNER

    async def work(notices: Notices, watcher: Watcher) -> None:
        events = checked_events(event)
        notices.check_url(url)
        added = await notices.endpoints(OWNER).add(url, kinds=events, may_decide=may_decide)
        show_secret(watcher, added)

    _carry_out(context, work, as_json=as_json)


@webhooks.command("list")
def list_(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """List the endpoints, and whether they are reached."""
    from nexus.cli.webhooks_listing import show_endpoints
    from nexus.core.user import OWNER

    async def work(notices: Notices, watcher: Watcher) -> None:
        show_endpoints(watcher, await notices.endpoints(OWNER).search())

    _carry_out(context, work, as_json=as_json)


@webhooks.command()
def remove(context: typer.Context, endpoint_id: Id, *, as_json: JsonFlag = False) -> None:
    """Send nothing more to an endpoint, and forget its log."""
    from nexus.core.user import OWNER

    async def work(notices: Notices, watcher: Watcher) -> None:
        await notices.endpoints(OWNER).remove(endpoint_id)
        watcher.table(["removed"], [({"removed": endpoint_id}, [endpoint_id])], nothing="")

    _carry_out(context, work, as_json=as_json)


@webhooks.command()
def rotate(context: typer.Context, endpoint_id: Id, *, as_json: JsonFlag = False) -> None:
    """Give an endpoint a new secret, shown this once; the old one counts beside it for a day."""
    from nexus.cli.webhooks_listing import show_secret
    from nexus.core.user import OWNER

    async def work(notices: Notices, watcher: Watcher) -> None:
        show_secret(watcher, await notices.endpoints(OWNER).rotate(endpoint_id))

    _carry_out(context, work, as_json=as_json)


@webhooks.command()
def enable(context: typer.Context, endpoint_id: Id, *, as_json: JsonFlag = False) -> None:
    """Send to an endpoint again that was switched off because nothing reached it."""
    from nexus.cli.webhooks_listing import show_endpoints
    from nexus.core.user import OWNER

    async def work(notices: Notices, watcher: Watcher) -> None:
        show_endpoints(watcher, [await notices.endpoints(OWNER).enable(endpoint_id)])

    _carry_out(context, work, as_json=as_json)


@webhooks.command()
def deliveries(
    context: typer.Context,
    *,
    endpoint: Annotated[str | None, typer.Option(metavar="ID", help="Only to this endpoint.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List what was sent in the last 30 days and what waits, the newest first."""
    from nexus.cli.webhooks_listing import show_deliveries
    from nexus.core.user import OWNER

    async def work(notices: Notices, watcher: Watcher) -> None:
        found = await notices.deliveries(OWNER).search(endpoint=endpoint, limit=limit)
        show_deliveries(watcher, found)

    _carry_out(context, work, as_json=as_json)


@webhooks.command()
def replay(context: typer.Context, delivery_id: Id, *, as_json: JsonFlag = False) -> None:
    """Send a message once more, with the same id; `nexus serve` does the sending."""
    from nexus.cli.webhooks_listing import show_deliveries
    from nexus.core.user import OWNER

    async def work(notices: Notices, watcher: Watcher) -> None:
        show_deliveries(watcher, [await notices.deliveries(OWNER).replay(delivery_id)])

    _carry_out(context, work, as_json=as_json)


def _carry_out(
    context: typer.Context, work: Callable[[Notices, Watcher], Awaitable[None]], *, as_json: bool
) -> None:
    from nexus.cli.exits import DONE
    from nexus.cli.session import Session, carry_out

    async def opened(session: Session) -> int:
        async with notices_of(context) as notices:
            await work(notices, session.watcher)
        return DONE

    carry_out(opened, as_json=as_json)
