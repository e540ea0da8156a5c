"""Auth configs and connected accounts, and the life of an account.

INITIATED → ACTIVE ⇄ INACTIVE, and from there EXPIRED, REVOKED; INITIATED → FAILED or EXPIRED.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from tests.servers.composio.errors import account_not_found, auth_config_not_found, bad_request, not_found

Status = Literal["INITIALIZING", "INITIATED", "ACTIVE", "FAILED", "EXPIRED", "INACTIVE", "REVOKED"]
LINK_LASTS = timedelta(minutes=10)
"""How long a person may take to follow a link (Composio's documentation)."""


@dataclass
class AuthConfig:
    """How the users of a project sign in to one toolkit."""

    toolkit: str
    scheme: str
    managed: bool
    name: str
    credentials: dict[str, Any] = field(default_factory=dict)
    enabled: bool = True
    id: str = field(default_factory=lambda: f"ac_{secrets.token_hex(6)}")
    created_at: str = field(default_factory=lambda: _written(datetime.now(UTC)))


@dataclass
class Account:
    """One user's account of one toolkit."""

    user_id: str
    config: AuthConfig
    status: Status = "INITIATED"
    status_reason: str | None = None
    alias: str | None = None
    callback_url: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: f"ca_{secrets.token_hex(6)}")
    link_token: str = field(default_factory=lambda: f"lk_{secrets.token_hex(8)}")
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def toolkit(self) -> str:
        """The toolkit it is an account of."""
        return self.config.toolkit

    @property
    def link_ends(self) -> str:
        """When its link stops working."""
        return _written(self.updated + LINK_LASTS)

    def set(self, status: Status, reason: str | None = None) -> None:
        """Move to another status."""
        self.status, self.status_reason, self.updated = status, reason, datetime.now(UTC)

    def link_again(self) -> None:
        """Ask the person to sign in once more; the old link is of no use then."""
        self.link_token = f"lk_{secrets.token_hex(8)}"
        self.set("INITIATED")

    def in_full(self, base_url: str = "") -> dict[str, Any]:
        """The account as the API gives it; tokens are never shown."""
        state = {"authScheme": self.config.scheme, "val": self._state(base_url)}
        return {
            "id": self.id,
            "user_id": self.user_id,
            "alias": self.alias,
            "word_id": None,
            "toolkit": {"slug": self.toolkit},
            "auth_config": {
                "id": self.config.id,
                "auth_scheme": self.config.scheme,
                "is_composio_managed": self.config.managed,
                "is_disabled": not self.config.enabled,
            },
            "status": self.status,
            "status_reason": self.status_reason,
            "state": state,
            "data": state["val"],
            "params": {},
            "is_disabled": self.status == "INACTIVE",
            "created_at": _written(self.created),
            "updated_at": _written(self.updated),
        }

    def _state(self, base_url: str) -> dict[str, Any]:
        oauth = self.config.scheme == "OAUTH2"
        match self.status:
            case "INITIATED" if oauth:
                extra = {"redirectUrl": f"{base_url}/link/{self.link_token}"}
            case "ACTIVE" | "INACTIVE" if oauth:
                extra = {"access_token": "REDACTED", "token_type": "Bearer"}
            case "ACTIVE" | "INACTIVE":
                extra = dict.fromkeys(self.values, "REDACTED")
            case _:
                extra = {}
        return {"status": self.status, **extra}


class Accounts:
    """The auth configs and accounts of the project."""

    def __init__(self) -> None:
        self.configs: dict[str, AuthConfig] = {}
        self.accounts: dict[str, Account] = {}

    def config(self, identity: str) -> AuthConfig:
        """The auth config of that id, where a request names it in its path."""
        if identity not in self.configs:
            raise not_found(f"Auth config {identity}")
        return self.configs[identity]

    def account(self, identity: str) -> Account:
        """The account of that id."""
        if identity not in self.accounts:
            raise account_not_found(identity)
        return self.accounts[identity]

    def new_config(
        self,
        toolkit: str,
        scheme: str,
        *,
        managed: bool,
        name: str | None = None,
        credentials: dict[str, Any] | None = None,
    ) -> AuthConfig:
        """A new auth config of a toolkit."""
        config = AuthConfig(toolkit, scheme, managed, name or f"{toolkit} {scheme}", credentials or {})
        self.configs[config.id] = config
        return config

    def start(self, config_id: str, user_id: str, **more: Any) -> Account:
        """A new account, waiting for its user to sign in."""
        if config_id not in self.configs:
            raise auth_config_not_found(config_id)
        if not self.configs[config_id].enabled:
            raise bad_request(f"Auth config {config_id} is disabled")
        account = Account(user_id, self.configs[config_id], **more)
        self.accounts[account.id] = account
        return account

    def by_link(self, token: str) -> Account | None:
        """The account a link leads to."""
        return next((each for each in self.accounts.values() if each.link_token == token), None)

    def active(self, user_id: str, toolkit: str) -> Account | None:
        """The user's newest active account of a toolkit."""
        mine = [
            each
            for each in self.accounts.values()
            if (each.user_id, each.toolkit, each.status) == (user_id, toolkit, "ACTIVE")
        ]
        return max(mine, key=lambda each: each.created, default=None)

    def find(self, given: Mapping[str, str]) -> list[Account]:
        """The accounts that fit the filters of a list, the newest first."""
        filters = {
            "toolkit_slugs": lambda each: each.toolkit,
            "statuses": lambda each: each.status,
            "user_ids": lambda each: each.user_id,
            "auth_config_ids": lambda each: each.config.id,
            "connected_account_ids": lambda each: each.id,
        }
        wanted = {name: given[name].split(",") for name in filters if given.get(name)}
        fitting = [
            each
            for each in self.accounts.values()
            if all(filters[name](each) in values for name, values in wanted.items())
        ]
        return sorted(fitting, key=lambda each: each.created, reverse=given.get("order_direction") != "asc")

    def delete_config(self, identity: str) -> None:
        """Forget an auth config and every account made with it."""
        config = self.config(identity)
        del self.configs[identity]
        self.accounts = {key: each for key, each in self.accounts.items() if each.config is not config}


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
