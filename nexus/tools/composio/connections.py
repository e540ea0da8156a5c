"""Connected accounts at Composio, each user's apart: the project's key sees those of all users."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from nexus.core.user import OWNER
from nexus.errors import Conflict, InvalidInput, NexusError, NotFound, Unavailable
from nexus.ports.clock import Clock
from nexus.ports.connections import AuthField, Connection, ConnectionState, Link
from nexus.tools.composio.listing import every_page, taken_in
from nexus.tools.composio.sign_in import REDIRECTS, SignIn, sign_in_of

if TYPE_CHECKING:
    from composio_client import APIStatusError, AsyncComposio

Changed: TypeAlias = Callable[[str, Connection], Awaitable[None]]
"""Is told of a user's account that became active, ended or was removed."""

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 1.0, 5.0, 1.3
"""Seconds between two looks at an account that waits: the first pause, the longest, and the factor."""

_STATES: Mapping[str, ConnectionState] = {
    "INITIALIZING": "waiting",
    "INITIATED": "waiting",
    "ACTIVE": "active",
    "INACTIVE": "off",
    "FAILED": "failed",
    "EXPIRED": "expired",
    "REVOKED": "revoked",
}


_ACCOUNT_ID = re.compile(r"[A-Za-z0-9_-]+")
"""What an id of Composio consists of; another text would be another path of its API."""


async def _tell_nobody(user: str, connection: Connection) -> None:
    """For whoever keeps no account of accounts."""


class ComposioConnections:
    """Implements `nexus.ports.connections.Connections`.

    Args:
        client: Gives the project's client, built at its first use.
        clock: Says whether a link is still good.
        changed: Is told of every change that is noticed here.
        first_pause: Seconds before an account that waits is looked at a second time.
    """

    def __init__(
        self,
        client: Callable[[], Awaitable[AsyncComposio]],
        *,
        clock: Clock,
        changed: Changed = _tell_nobody,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._client = client
        self._clock = clock
        self._changed = changed
        self._first_pause = first_pause
        self._opened: dict[tuple[str, str], Connection] = {}
        # Each lasts as long as somebody holds it or waits for it.
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def needs(self, user: str, toolkit: str) -> Sequence[AuthField]:
        """What the person has to give; Composio keeps auth configs for the whole project."""
        async with self._asking() as client:
            way = await sign_in_of(client, _slug(toolkit))
        _check_may_set_up(user, way)
        return way.fields

    async def connect(self, user: str, toolkit: str, fields: Mapping[str, str] | None = None) -> Connection:
        """The active account, or one that waits; another one if there are fields to make it of."""
        slug = _slug(toolkit)
        async with self._turn(user, slug):
            if fields:
                return await self._open(user, slug, fields)
            found = await self._active(user, slug) or await self._still_open(user, slug)
            return found or await self._open(user, slug, {})

    async def reconnect(
        self, user: str, connection_id: str, fields: Mapping[str, str] | None = None
    ) -> Connection:
        """A new account with a link of its own: Composio's own way of refreshing one is deprecated."""
        slug = (await self.get(user, connection_id)).toolkit
        async with self._turn(user, slug):
            found = None if fields else await self._still_open(user, slug)
            return found or await self._open(user, slug, fields or {})

    async def get(self, user: str, connection_id: str, *, wait: float = 0.0) -> Connection:
        """The account, looked at again and again, ever more rarely, while it waits and there is time."""
        deadline, pause = time.monotonic() + wait, self._first_pause
        while True:
            is_last = time.monotonic() + pause > deadline
            try:
                found = await self._look(user, connection_id)
                if found.state != "waiting" or is_last:
                    return found
            except Unavailable:
                if is_last:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE)

    async def all(self, user: str) -> Sequence[Connection]:
        """The user's accounts, to the last page."""
        async with self._asking() as client:
            return [self._with_link(user, each) async for each in _accounts(client, user)]

    async def remove(self, user: str, connection_id: str) -> Connection:
        """Delete the account with its tokens at Composio."""
        found = await self.get(user, connection_id)
        async with self._asking() as client:
            await client.connected_accounts.delete(found.id)
        await self._end(user, replace(found, state="revoked"))
        return found

    def _turn(self, user: str, slug: str) -> asyncio.Lock:
        return self._turns.setdefault((user, slug), asyncio.Lock())

    async def _look(self, user: str, connection_id: str) -> Connection:
        from composio_client import BadRequestError, NotFoundError  # noqa: PLC0415 - takes seconds

        if not _ACCOUNT_ID.fullmatch(connection_id):
            raise _unknown(connection_id)
        async with self._asking() as client:
            try:
                account = await client.connected_accounts.retrieve(connection_id)
            except (NotFoundError, BadRequestError) as error:
                raise _unknown(connection_id) from error
            if account.user_id != user:
                raise _unknown(connection_id)
            found = self._with_link(user, account)
        if found.state != "waiting" and self._is_open(user, found):
            await self._end(user, found)
        return found

    async def _active(self, user: str, slug: str) -> Connection | None:
        """The user's newest active account of an app."""
        newest = None
        async with self._asking() as client:
            async for account in _accounts(client, user, toolkit_slugs=[slug], statuses=["ACTIVE"]):
                newest = _connection(account)
        if newest is not None:
            await self._end(user, newest)
        return newest

    async def _still_open(self, user: str, slug: str) -> Connection | None:
        """The account whose link was given out before, if the link is still good."""
        opened = self._opened.get((user, slug))
        if opened is None or opened.link is None or opened.link.expires_at <= self._clock.now():
            return None
        try:
            found = await self._look(user, opened.id)
        except NotFound:
            return None
        return found if found.state == "waiting" else None

    async def _open(self, user: str, slug: str, fields: Mapping[str, str]) -> Connection:
        async with self._asking(secrets=fields.values()) as client:
            way = await sign_in_of(client, slug)
            _check_may_set_up(user, way)
            way.check(fields)
            # An attempt whose answer got lost would be made twice: nothing here may be retried.
            once = client.with_options(max_retries=0)
            config = way.config or await _new_config(once, way, fields)
            values = {each.name: fields[each.name] for each in way.initiation}
            if way.scheme not in REDIRECTS:
                identity = await _new_account(once, way, config, user, values)
                found = await self._look(user, identity)
                await self._end(user, found)
                return found
            more = {"connection_data": values} if values else {}
            link = await once.link.create({"auth_config_id": config, "user_id": user, **more})
            opened = Connection(
                id=link.connected_account_id,
                toolkit=slug,
                state="waiting",
                created_at=self._clock.now(),
                link=_link(link),
            )
        self._opened[user, slug] = opened
        return opened

    def _with_link(self, user: str, account: Any) -> Connection:
        found = _connection(account)
        if found.state == "waiting" and self._is_open(user, found):
            return replace(found, link=self._opened[user, found.toolkit].link)
        return found

    def _is_open(self, user: str, found: Connection) -> bool:
        opened = self._opened.get((user, found.toolkit))
        return opened is not None and opened.id == found.id

    async def _end(self, user: str, found: Connection) -> None:
        """Nobody waits for this account any more; what it became is told."""
        self._opened.pop((user, found.toolkit), None)
        await self._changed(user, found)

    @asynccontextmanager
    async def _asking(self, *, secrets: Any = ()) -> AsyncGenerator[AsyncComposio]:
        """The client, its errors as ours. What is in `secrets` is kept out of them."""
        from composio_client import APIStatusError, ComposioError  # noqa: PLC0415 - takes seconds

        client = await self._client()
        try:
            with taken_in():
                yield client
        except APIStatusError as error:
            # `from None`: the original repeats the request, and the request may hold a secret.
            raise _refused(error, list(secrets)) from None
        except ComposioError as error:
            raise Unavailable(f"Composio cannot be reached: {type(error).__name__}.") from None


def _check_may_set_up(user: str, way: SignIn) -> None:
    """An auth config is everybody's: only the owner may make one of credentials of their own.

    Raises:
        Conflict: Somebody else would have to.
    """
    if way.creation and user != OWNER:
        raise Conflict(
            f"{way.toolkit} is not set up here yet.",
            remedy=f"The owner has to connect it first, with: nexus connect {way.toolkit}",
        )


async def _new_config(client: AsyncComposio, way: SignIn, fields: Mapping[str, str]) -> str:
    """Make the project's auth config for an app; its id."""
    made: dict[str, Any] = {"type": "use_composio_managed_auth"}
    if not way.is_managed:
        credentials = {each.name: fields[each.name] for each in way.creation}
        made = {"type": "use_custom_auth", "authScheme": way.scheme, "credentials": credentials}
    answer: Any = await client.auth_configs.create(
        {"toolkit": {"slug": way.toolkit}, "auth_config": made | {"name": f"{way.toolkit} (Nexus)"}}
    )
    return answer.auth_config.id


async def _new_account(
    client: AsyncComposio, way: SignIn, config: str, user: str, values: Mapping[str, str]
) -> str:
    """Make an account of what the person gave; its id."""
    state = {"authScheme": way.scheme, "val": {"status": "ACTIVE", **values}}
    answer: Any = await client.connected_accounts.create(
        {"auth_config": {"id": config}, "connection": {"user_id": user, "state": state}}
    )
    return answer.id


async def _accounts(client: AsyncComposio, user: str, **wanted: Any) -> AsyncGenerator[Any]:
    """The user's accounts, the oldest first; one that is not theirs is left out, whatever was asked."""
    pages = every_page(
        client.connected_accounts.list,
        user_ids=[user],
        order_by="created_at",
        order_direction="asc",
        **wanted,
    )
    async for account in pages:
        if account.user_id == user:
            yield account


def _connection(account: Any) -> Connection:
    return Connection(
        id=account.id,
        toolkit=account.toolkit.slug,
        state=_STATES.get(account.status, "failed"),
        created_at=datetime.fromisoformat(account.created_at),
        reason=account.status_reason or None,
    )


def _link(created: Any) -> Link:
    """Where the person signs in. Raises ValueError for what a browser would not go to, but run."""
    if urlsplit(created.redirect_url).scheme not in {"http", "https"}:
        raise ValueError("that is no address of a page")
    return Link(created.redirect_url, datetime.fromisoformat(created.expires_at))


def _slug(toolkit: str) -> str:
    """The app's name as Composio spells it. Raises InvalidInput if it cannot be one."""
    slug = toolkit.strip().lower()
    if not slug.replace("_", "").replace("-", "").isalnum() or not slug.isascii():
        raise InvalidInput(
            f"{toolkit[:80]!r} is no name of an app", field="toolkit", remedy="It looks like: gmail."
        )
    return slug


def _unknown(connection_id: str) -> NotFound:
    return NotFound(f"There is no connection {connection_id[:80]!r}.", remedy="nexus connections list")


def _refused(error: APIStatusError, secrets: Sequence[str]) -> NexusError:
    """What a status means, in Composio's words without the secrets."""
    text = error.details["message"] if error.details else f"status {error.status_code}"
    for secret in secrets:
        text = text.replace(secret, "…") if secret else text
    match error.status_code:
        case 400 | 409 | 422:
            return InvalidInput(f"Composio does not take it: {text}", field="fields")
        case 401 | 403:
            return Unavailable(f"Composio refuses the key: {text}", remedy="Check COMPOSIO_API_KEY.")
        case _:
            return Unavailable(f"Composio cannot do it now: {text}")
