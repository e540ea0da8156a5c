"""Runs a tool for an account, and keeps what it did."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jsonschema import Draft202012Validator

from tests.servers.composio.accounts import Account, Accounts
from tests.servers.composio.catalogue import Catalogue
from tests.servers.composio.errors import (
    ApiError,
    account_unusable,
    no_account,
    user_required,
    wrong_user,
)
from tests.servers.composio.toolkits.base import Tool, ToolFailure


@dataclass(frozen=True)
class Effect:
    """One change a tool made."""

    tool: str
    user_id: str
    connected_account_id: str
    arguments: dict[str, Any]
    log_id: str


@dataclass(frozen=True)
class Outcome:
    """What an execution came to, before it is put into a response."""

    data: dict[str, Any]
    error: str | None
    log_id: str

    def response(self) -> dict[str, Any]:
        """The body of `POST /tools/execute/{slug}`."""
        return {**asdict(self), "successful": self.error is None, "session_info": None}


class Execution:
    """Runs tools; what each connected account holds is apart from every other.

    `stricter` is what the app behind a tool wants of its arguments, if that is more than its schema says.
    """

    def __init__(self, catalogue: Catalogue, accounts: Accounts) -> None:
        self._catalogue = catalogue
        self._accounts = accounts
        self.states: dict[str, Any] = {}
        self.effects: list[Effect] = []
        self.stricter: dict[str, Mapping[str, Any]] = {}

    def run(
        self,
        slug: str,
        given: Mapping[str, Any],
        *,
        user_id: str | None,
        account_id: str | None = None,
        version: str = "latest",
    ) -> Outcome:
        """Run a tool once.

        Arguments that do not fit, and an app that says no, are outcomes; everything else is an ApiError.
        """
        tool = self._catalogue.tool(slug, version)
        account = self._account(tool, user_id, account_id)
        log_id = f"log_{secrets.token_hex(6)}"
        complaint = _complaint(self.stricter.get(slug, tool.parameters), given)
        if complaint:
            return Outcome({}, complaint, log_id)
        try:
            return Outcome(self._call(tool, account, given, log_id), None, log_id)
        except ToolFailure as failure:
            return Outcome({}, str(failure), log_id)

    def _call(self, tool: Tool, account: Account, given: Mapping[str, Any], log_id: str) -> dict[str, Any]:
        if tool.run is None:
            raise ApiError(501, "HTTP_NotImplemented", 10501, f"{tool.slug} is listed here, but does not act")
        arguments = {**_defaults(tool), **given}
        data = tool.run(self.state(account), arguments)
        if tool.has_effect:
            self.effects.append(Effect(tool.slug, account.user_id, account.id, dict(given), log_id))
        return data

    def state(self, account: Account) -> Any:
        """What the account holds."""
        if account.id not in self.states:
            make = self._catalogue.toolkits[account.toolkit].state
            self.states[account.id] = make() if make else None
        return self.states[account.id]

    def _account(self, tool: Tool, user_id: str | None, account_id: str | None) -> Account:
        if not user_id:
            raise user_required()
        if not account_id:
            account = self._accounts.active(user_id, tool.toolkit)
            if account is None:
                raise no_account(user_id, tool.toolkit)
            return account
        account = self._accounts.accounts.get(account_id)
        if account is None or account.toolkit != tool.toolkit:
            raise no_account(user_id, tool.toolkit)
        if account.user_id != user_id:
            raise wrong_user()
        if account.status != "ACTIVE":
            raise account_unusable(account.id, account.status)
        return account


def _complaint(parameters: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    """Why the arguments do not fit, in the words Composio uses for missing ones."""
    errors = sorted(Draft202012Validator(parameters).iter_errors(dict(given)), key=str)
    if not errors:
        return None
    missing = [name for name in parameters.get("required", []) if name not in given]
    lines = [f"- Following fields are missing: {set(missing)}"] if missing else []
    lines += [
        f"- Error in {each.json_path}: {each.message}" for each in errors if each.validator != "required"
    ]
    return "\n".join(["Invalid request data provided", *lines])


def _defaults(tool: Tool) -> dict[str, Any]:
    properties: Mapping[str, Any] = tool.parameters.get("properties", {})
    return {name: each["default"] for name, each in properties.items() if "default" in each}
