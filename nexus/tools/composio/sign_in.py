"""How a person signs in to an app, as Composio describes it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nexus.errors import Conflict, InvalidInput, NotFound
from nexus.ports.connections import AuthField
from nexus.tools.composio.listing import every_page

if TYPE_CHECKING:
    from composio_client import AsyncComposio

REDIRECTS = frozenset({"OAUTH1", "OAUTH2", "DCR_OAUTH", "SAML"})
"""Schemes in which the person signs in at the app; with the others, giving the fields is all there is."""

_NEAREST = 3
_NO_ACCOUNT = "NO_AUTH"


@dataclass(frozen=True, slots=True)
class SignIn:
    """The way to sign in to one app.

    Attributes:
        scheme: Composio's name for it, e.g. `OAUTH2`, `API_KEY`.
        config: The id of the project's auth config for it; None if there is none yet.
        is_managed: True if Composio lends its own OAuth app.
        creation: What the auth config has to be made with, if there is none.
        initiation: What each account has to be made with.
    """

    toolkit: str
    scheme: str
    config: str | None
    is_managed: bool
    creation: Sequence[AuthField]
    initiation: Sequence[AuthField]

    @property
    def fields(self) -> Sequence[AuthField]:
        """What the person has to give."""
        return [*self.creation, *self.initiation]

    def check(self, given: Mapping[str, str]) -> None:
        """Make sure that every field is given and none is unknown. Raises InvalidInput, naming one."""
        known = {field.name: field for field in self.fields}
        for name in given:
            if name not in known:
                raise InvalidInput(
                    f"{self.toolkit} does not ask for it",
                    field=f"fields.{name}",
                    remedy=f"It asks for: {', '.join(known) or 'nothing'}.",
                )
        for field in self.fields:
            if not given.get(field.name, "").strip():
                raise InvalidInput(
                    f"{self.toolkit} needs it", field=f"fields.{field.name}", remedy=_described(field)
                )


async def sign_in_of(client: AsyncComposio, slug: str) -> SignIn:
    """The way to sign in: by an auth config of the project, else Composio's own, else what asks for least.

    Raises:
        NotFound: There is no such app; names the nearest.
        Conflict: The app needs no account.
    """
    toolkit = await _toolkit(client, slug)
    ways = {way.mode: way for way in toolkit.auth_config_details or () if way.mode != _NO_ACCOUNT}
    found = [config async for config in every_page(client.auth_configs.list, toolkit_slug=slug)]
    config = next(iter(sorted(filter(_is_on, found), key=lambda each: not each.is_composio_managed)), None)
    managed = next((mode for mode in toolkit.composio_managed_auth_schemes or () if mode in ways), None)
    if config is None and not ways:
        raise Conflict(f"{toolkit.name} needs no account.", remedy="Just use it.")
    scheme = config.auth_scheme if config else managed or min(ways, key=lambda mode: _asked(ways[mode]))
    way = ways.get(scheme)
    is_managed = bool(config.is_composio_managed) if config else scheme == managed
    return SignIn(
        toolkit=slug,
        scheme=scheme,
        config=config.id if config else None,
        is_managed=is_managed,
        creation=() if config or is_managed or way is None else _fields(way.fields.auth_config_creation),
        initiation=() if way is None else _fields(way.fields.connected_account_initiation),
    )


async def _toolkit(client: AsyncComposio, slug: str) -> Any:
    from composio_client import BadRequestError, NotFoundError  # noqa: PLC0415 - importing it takes seconds

    try:
        return await client.toolkits.retrieve(slug)
    except (NotFoundError, BadRequestError) as error:
        every = [each.slug async for each in every_page(client.toolkits.list)]
        near = difflib.get_close_matches(slug, every, n=_NEAREST)
        remedy = f"The nearest names are {', '.join(near)}." if near else "nexus tools search finds apps."
        raise NotFound(f"Composio has no app {slug[:80]!r}.", remedy=remedy) from error


def _is_on(config: Any) -> bool:
    return config.status == "ENABLED"


def _asked(way: Any) -> int:
    groups = way.fields.auth_config_creation, way.fields.connected_account_initiation
    return sum(len(group.required) for group in groups)


def _fields(group: Any) -> Sequence[AuthField]:
    """The required fields that have no value of their own."""
    return [_field(each) for each in _asked_for(group.required)]


def _asked_for(required: Iterable[Any]) -> Iterable[Any]:
    return (each for each in required if each.default is None and each.user_visible is not False)


def _field(field: Any) -> AuthField:
    # What Composio does not call harmless is not shown while it is typed.
    is_secret = field.is_secret is not False
    return AuthField(field.name, field.display_name or field.name, field.description or "", is_secret)


def _described(field: AuthField) -> str:
    return f"{field.label}: {field.description}" if field.description else f"{field.label}."
