"""Auth configs and connected accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from tests.servers.composio.accounts import Account, AuthConfig
from tests.servers.composio.errors import bad_request, managed_endpoint_retired
from tests.servers.composio.paging import page_of

if TYPE_CHECKING:
    from tests.servers.composio.standin import ComposioStandIn


class Named(BaseModel):
    """A toolkit by its slug."""

    slug: str


class Managed(BaseModel):
    """Composio's own OAuth app."""

    type: Literal["use_composio_managed_auth"]
    name: str | None = None


class Custom(BaseModel):
    """One's own OAuth app, or a scheme without one."""

    type: Literal["use_custom_auth"]
    authScheme: str  # noqa: N815 - the name on the wire
    name: str | None = None
    credentials: dict[str, Any] = {}


class NewConfig(BaseModel):
    """The body that makes an auth config."""

    toolkit: Named
    auth_config: Annotated[Managed | Custom, Field(discriminator="type")] = Managed(
        type="use_composio_managed_auth"
    )


class NewLink(BaseModel):
    """The body that starts a connection."""

    auth_config_id: str
    user_id: str = Field(min_length=1)
    callback_url: str | None = None
    alias: str | None = None
    connection_data: dict[str, Any] | None = None


class Identified(BaseModel):
    """An auth config by its id."""

    id: str


class Connection(BaseModel):
    """The account the old way of connecting makes."""

    user_id: str
    callback_url: str | None = None
    alias: str | None = None
    state: dict[str, Any] | None = None


class OldConnection(BaseModel):
    """The body of the old way of connecting."""

    auth_config: Identified
    connection: Connection


class Switch(BaseModel):
    """On or off."""

    enabled: bool


class AccountPatch(BaseModel):
    """What can be changed of an account."""

    alias: str | None = None


def router(standin: ComposioStandIn) -> APIRouter:
    """The routes below `/auth_configs` and `/connected_accounts`."""
    routes = APIRouter()
    _add_config_routes(routes, standin)
    _add_account_routes(routes, standin)
    _add_life_routes(routes, standin)
    return routes


def _add_config_routes(routes: APIRouter, standin: ComposioStandIn) -> None:
    accounts = standin.accounts

    @routes.post("/auth_configs", status_code=201)
    async def create(new: NewConfig) -> dict[str, Any]:
        config = _config_for(standin, new)
        made = {"id": config.id, "auth_scheme": config.scheme, "is_composio_managed": config.managed}
        return {"toolkit": {"slug": config.toolkit}, "auth_config": made}

    @routes.get("/auth_configs")
    async def configs(
        toolkit_slug: str | None = None, limit: float | None = None, cursor: str | None = None
    ) -> dict[str, Any]:
        wanted = [each for each in accounts.configs.values() if toolkit_slug in (None, each.toolkit)]
        return page_of([_config_in_full(standin, each) for each in wanted], limit=limit, cursor=cursor)

    @routes.get("/auth_configs/{identity}")
    async def config(identity: str) -> dict[str, Any]:
        return _config_in_full(standin, accounts.config(identity))

    @routes.delete("/auth_configs/{identity}")
    async def delete(identity: str) -> dict[str, Any]:
        accounts.delete_config(identity)
        return {"success": True, "message": "Auth config deleted"}

    @routes.patch("/auth_configs/{identity}/{status}")
    async def switch(identity: str, status: Literal["ENABLED", "DISABLED"]) -> dict[str, Any]:
        accounts.config(identity).enabled = status == "ENABLED"
        return {"success": True, "message": f"Auth config {status.lower()}"}


def _add_account_routes(routes: APIRouter, standin: ComposioStandIn) -> None:
    accounts = standin.accounts

    @routes.get("/connected_accounts")
    async def listed(
        request: Request, limit: float | None = None, cursor: str | None = None
    ) -> dict[str, Any]:
        page = page_of(accounts.find(request.query_params), limit=limit, cursor=cursor)
        return page | {"items": [each.in_full(_base(request)) for each in page["items"]]}

    @routes.get("/connected_accounts/{identity}")
    async def account(identity: str, request: Request) -> dict[str, Any]:
        return accounts.account(identity).in_full(_base(request))

    @routes.post("/connected_accounts/link", status_code=201)
    async def link(new: NewLink, request: Request) -> dict[str, Any]:
        account = accounts.start(
            new.auth_config_id,
            new.user_id,
            alias=new.alias,
            callback_url=new.callback_url,
            values=new.connection_data or {},
        )
        return _link_to(account, _base(request))

    @routes.post("/connected_accounts", status_code=201)
    async def connect(old: OldConnection, request: Request) -> dict[str, Any]:
        config = accounts.configs.get(old.auth_config.id)
        if config and config.managed:
            raise managed_endpoint_retired()
        account = _connected_directly(standin, old)
        return {
            "id": account.id,
            "status": account.status,
            "connectionData": account.in_full(_base(request))["state"],
        }


def _add_life_routes(routes: APIRouter, standin: ComposioStandIn) -> None:
    accounts = standin.accounts

    @routes.delete("/connected_accounts/{identity}")
    async def delete(identity: str) -> dict[str, Any]:
        del accounts.accounts[accounts.account(identity).id]
        return {"success": True}

    @routes.patch("/connected_accounts/{identity}")
    async def patch(identity: str, change: AccountPatch) -> dict[str, Any]:
        account = accounts.account(identity)
        account.alias = change.alias or None
        return {"success": True, "id": account.id, "status": account.status}

    @routes.patch("/connected_accounts/{identity}/status")
    async def switch(identity: str, wanted: Switch) -> dict[str, Any]:
        account = accounts.account(identity)
        if account.status not in ("ACTIVE", "INACTIVE"):
            raise bad_request(f"An account that is {account.status} can be neither enabled nor disabled")
        account.set("ACTIVE" if wanted.enabled else "INACTIVE")
        return {"success": True}

    @routes.post("/connected_accounts/{identity}/refresh")
    async def refresh(identity: str, request: Request) -> dict[str, Any]:
        account = accounts.account(identity)
        account.link_again()
        url = f"{_base(request)}/link/{account.link_token}"
        return {"id": account.id, "status": account.status, "redirect_url": url}

    @routes.post("/connected_accounts/{identity}/revoke")
    async def revoke(identity: str) -> dict[str, Any]:
        account = accounts.account(identity)
        account.set("REVOKED", "revoked by request")
        return {
            "revoked_tokens": ["access_token"],
            "connected_account": {"id": account.id, "status": account.status},
        }


def _config_for(standin: ComposioStandIn, new: NewConfig) -> AuthConfig:
    """Make the auth config, if the toolkit has such a scheme and every field is there."""
    toolkit = standin.catalogue.toolkit(new.toolkit.slug)
    asked = new.auth_config
    managed = isinstance(asked, Managed)
    mode = None if isinstance(asked, Managed) else asked.authScheme
    scheme = next((each for each in toolkit.schemes if each.managed if managed), None)
    scheme = scheme or next((each for each in toolkit.schemes if each.mode == mode), None)
    if scheme is None:
        wanted = "Composio-managed auth" if managed else mode
        raise bad_request(f"Default auth config not found for toolkit {toolkit.slug}: it has no {wanted}")
    credentials = {} if isinstance(asked, Managed) else asked.credentials
    missing = [each.name for each in scheme.creation if not credentials.get(each.name)]
    if missing and not managed:
        raise bad_request(f"Missing required fields: {', '.join(missing)}", missing)
    return standin.accounts.new_config(
        toolkit.slug, scheme.mode, managed=managed, name=asked.name, credentials=credentials
    )


def _connected_directly(standin: ComposioStandIn, old: OldConnection) -> Account:
    """An account made with what the person typed in; a redirect is still needed for OAuth."""
    given = (old.connection.state or {}).get("val", {})
    account = standin.accounts.start(
        old.auth_config.id,
        old.connection.user_id,
        callback_url=old.connection.callback_url,
        alias=old.connection.alias,
        values={name: value for name, value in given.items() if name != "status"},
    )
    if account.config.scheme != "OAUTH2":
        _check_fields(standin, account)
        account.set("ACTIVE")
    return account


def _check_fields(standin: ComposioStandIn, account: Account) -> None:
    schemes = standin.catalogue.toolkit(account.toolkit).schemes
    scheme = next(each for each in schemes if each.mode == account.config.scheme)
    missing = [each.name for each in scheme.initiation if not account.values.get(each.name)]
    if missing:
        del standin.accounts.accounts[account.id]
        raise bad_request(f"Missing required fields: {', '.join(missing)}", missing)


def _link_to(account: Account, base: str) -> dict[str, Any]:
    return {
        "link_token": account.link_token,
        "redirect_url": f"{base}/link/{account.link_token}",
        "expires_at": account.link_ends,
        "connected_account_id": account.id,
    }


def _config_in_full(standin: ComposioStandIn, config: AuthConfig) -> dict[str, Any]:
    connections = [each for each in standin.accounts.accounts.values() if each.config is config]
    return {
        "id": config.id,
        "uuid": config.id,
        "type": "default" if config.managed else "custom",
        "toolkit": {"slug": config.toolkit, "logo": f"https://logos.example/{config.toolkit}"},
        "name": config.name,
        "auth_scheme": config.scheme,
        "is_composio_managed": config.managed,
        "credentials": dict.fromkeys(config.credentials, "REDACTED"),
        "status": "ENABLED" if config.enabled else "DISABLED",
        "created_at": config.created_at,
        "last_updated_at": config.created_at,
        "no_of_connections": len(connections),
        "tool_access_config": {},
    }


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")
