"""The toolkits and tools on offer: a few that behave, and as many as wanted that are listed only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.servers.composio.errors import bad_request, tool_not_found, toolkit_not_found
from tests.servers.composio.paging import page_of
from tests.servers.composio.toolkits.base import App, Field, Scheme, Tool, Toolkit, tools_of
from tests.servers.composio.toolkits.github import GitHub
from tests.servers.composio.toolkits.gmail import Gmail
from tests.servers.composio.toolkits.googlecalendar import GoogleCalendar
from tests.servers.composio.toolkits.hubspot import HubSpot
from tests.servers.composio.toolkits.linear import Linear
from tests.servers.composio.toolkits.notion import Notion
from tests.servers.composio.toolkits.slack import Slack

BEHAVING: Sequence[type[App]] = (Gmail, GitHub, Slack, Notion, GoogleCalendar, Linear, HubSpot)
_DEPRECATED = re.compile(r"<<deprecated|\(deprecated|deprecated: ?(use|this)|^deprecated", re.IGNORECASE)
_LONG_AGO = "2025-01-01T00:00:00.000Z"
_LOGO = "https://logos.example/{}"


class Catalogue:
    """Every toolkit and tool by slug.

    `declared` is what the list says of a tool's arguments, if that is less than what its app wants of them:
    most tools of Composio say no more than "a string".
    """

    def __init__(self) -> None:
        self.declared: dict[str, Mapping[str, Any]] = {}
        self.toolkits: dict[str, Toolkit] = {}
        self.tools: dict[str, Tool] = {}
        for app in BEHAVING:
            self.toolkits[app.toolkit.slug] = _fresh(app)
            self.tools.update({tool.slug: tool for tool in tools_of(app)})

    def load(self, path: Path) -> int:
        """Add the tools of a file with one JSON object a line; tools that behave stay. Returns the number."""
        before = len(self.tools)
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                self._add(json.loads(line))
        return len(self.tools) - before

    def _add(self, row: Mapping[str, Any]) -> None:
        toolkit = row["toolkit"].lower()
        if toolkit not in self.toolkits:
            title = toolkit.replace("_", " ").title()
            self.toolkits[toolkit] = Toolkit(toolkit, title, f"Tools of {title}.")
        parameters = {"type": "object", "properties": {}, **(row.get("input_parameters") or {})}
        tool = Tool(
            row["slug"], toolkit, row["name"], row["description"] or "", parameters, row.get("tags") or ()
        )
        self.tools.setdefault(tool.slug, tool)

    def publish(self, toolkit: str, version: str) -> None:
        """Make a new version of a toolkit the latest."""
        self.toolkit(toolkit).versions.append(version)

    def toolkit(self, slug: str) -> Toolkit:
        """The toolkit of that name."""
        if slug.lower() not in self.toolkits:
            raise toolkit_not_found(slug)
        return self.toolkits[slug.lower()]

    def tool(self, slug: str, version: str) -> Tool:
        """The tool of that name in that version of its toolkit, or `latest`."""
        tool = self.tools.get(slug)
        if tool is None or not self._is_in(tool, version):
            raise tool_not_found(slug)
        return tool

    def find(self, query: Query) -> dict[str, Any]:
        """A page of the tools that fit, as the API lists them."""
        fitting = [
            tool
            for tool in self.tools.values()
            if query.fits(tool) and self._is_in(tool, query.versions(tool.toolkit))
        ]
        fitting.sort(key=lambda tool: (tool.toolkit, tool.slug))
        page = page_of(fitting, limit=query.limit, cursor=query.cursor)
        return page | {"items": [self.listed(each, query.versions(each.toolkit)) for each in page["items"]]}

    def listed(self, tool: Tool, version: str) -> dict[str, Any]:
        """A tool as the API gives it."""
        toolkit = self.toolkits[tool.toolkit]
        logo = _LOGO.format(toolkit.slug)
        number = toolkit.versions[-1] if version == "latest" else version
        is_deprecated = bool(_DEPRECATED.search(tool.description))
        return {
            "slug": tool.slug,
            "name": tool.name,
            "description": tool.description,
            "human_description": tool.description,
            "toolkit": {"slug": toolkit.slug, "name": toolkit.name, "logo": logo},
            "input_parameters": self.declared.get(tool.slug, tool.parameters),
            "output_parameters": {"type": "object", "properties": {}},
            "scopes": [],
            "tags": list(tool.tags),
            "no_auth": False,
            "version": number,
            "available_versions": list(toolkit.versions),
            "is_deprecated": is_deprecated,
            "deprecated": {
                "displayName": tool.name,
                "version": number,
                "available_versions": list(toolkit.versions),
                "is_deprecated": is_deprecated,
                "toolkit": {"logo": logo},
            },
        }

    def toolkit_listed(self, toolkit: Toolkit) -> dict[str, Any]:
        """A toolkit as a line of the API's list."""
        return {
            "slug": toolkit.slug,
            "name": toolkit.name,
            "type": "native",
            "auth_schemes": [scheme.mode for scheme in toolkit.schemes],
            "composio_managed_auth_schemes": _managed(toolkit),
            "is_local_toolkit": False,
            "no_auth": False,
            "deprecated": {"toolkitId": toolkit.slug},
            "meta": {
                **self._meta(toolkit),
                "categories": [{"id": toolkit.category, "name": toolkit.category}],
            },
        }

    def toolkit_in_full(self, toolkit: Toolkit) -> dict[str, Any]:
        """A toolkit with what it takes to connect to it."""
        return {
            "slug": toolkit.slug,
            "name": toolkit.name,
            "type": "native",
            "enabled": True,
            "composio_managed_auth_schemes": _managed(toolkit),
            "composio_managed_auth": [
                {"mode": mode, "scopes": {"available": []}} for mode in _managed(toolkit)
            ],
            "is_local_toolkit": False,
            "auth_config_details": [_scheme_in_full(scheme) for scheme in toolkit.schemes],
            "base_url": None,
            "meta": {
                **self._meta(toolkit),
                "categories": [{"name": toolkit.category, "slug": toolkit.category}],
                "available_versions": list(toolkit.versions),
            },
            "deprecated": {"toolkitId": toolkit.slug, "rawProxyInfoByAuthSchemes": []},
        }

    def _meta(self, toolkit: Toolkit) -> dict[str, Any]:
        return {
            "created_at": _LONG_AGO,
            "updated_at": _LONG_AGO,
            "description": toolkit.description,
            "logo": _LOGO.format(toolkit.slug),
            "triggers_count": 0,
            "tools_count": sum(tool.toolkit == toolkit.slug for tool in self.tools.values()),
            "version": toolkit.versions[-1],
        }

    def _is_in(self, tool: Tool, version: str) -> bool:
        known = version == "latest" or version in self.toolkits[tool.toolkit].versions
        return known and (version == "latest" or version >= tool.since)


class Query:
    """What a list of tools is narrowed down to; every value as it comes in the URL."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._toolkits = {name.lower() for name in _names(given.get("toolkit_slug"))}
        self._slugs = set(_names(given.get("tool_slugs")))
        self._tags = set(_names(given.get("tags")))
        self._important = given.get("important") == "true"
        self._words = (given.get("search") or given.get("query") or "").lower().split()
        self.versions = versions_in(given)
        self.limit = _limit(given.get("limit"))
        self.cursor = given.get("cursor")

    def fits(self, tool: Tool) -> bool:
        """True if the tool is asked for, whatever its version."""
        return (
            (not self._toolkits or tool.toolkit in self._toolkits)
            and (not self._slugs or tool.slug in self._slugs)
            and (not self._tags or bool(self._tags & set(tool.tags)))
            and (not self._important or "important" in tool.tags)
            and all(word in f"{tool.slug} {tool.name} {tool.description}".lower() for word in self._words)
        )


def versions_in(given: Mapping[str, str]) -> Callable[[str], str]:
    """The version of a toolkit a URL asks for (`toolkit_versions[gmail]`, `toolkit_versions`, `version`).

    The real API falls back to a base version that lacks tools; the stand-in to the latest.
    """
    of_all = given.get("toolkit_versions") or given.get("version") or "latest"

    def of(toolkit: str) -> str:
        return given.get(f"toolkit_versions[{toolkit}]", of_all)

    return of


def _names(given: str | None) -> Iterable[str]:
    return [name for name in (given or "").split(",") if name]


def _limit(given: str | None) -> float | None:
    try:
        return float(given) if given else None
    except ValueError as error:
        raise bad_request("limit must be a number") from error


def _fresh(app: type[App]) -> Toolkit:
    """A copy of the app's toolkit, so that versions published to one stand-in stay there."""
    toolkit = app.toolkit
    return Toolkit(
        toolkit.slug,
        toolkit.name,
        toolkit.description,
        toolkit.category,
        toolkit.schemes,
        list(toolkit.versions),
        app,
    )


def _managed(toolkit: Toolkit) -> list[str]:
    return [scheme.mode for scheme in toolkit.schemes if scheme.managed]


def _scheme_in_full(scheme: Scheme) -> dict[str, Any]:
    return {
        "name": scheme.mode.lower(),
        "mode": scheme.mode,
        "required_scopes": [],
        "fields": {
            "auth_config_creation": {"required": _fields(scheme.creation), "optional": []},
            "connected_account_initiation": {"required": _fields(scheme.initiation), "optional": []},
        },
    }


def _fields(fields: Sequence[Field]) -> list[dict[str, Any]]:
    return [
        {
            "name": each.name,
            "displayName": each.label,
            "description": each.description,
            "type": "string",
            "required": True,
            "is_secret": each.secret,
            "user_visible": True,
        }
        for each in fields
    ]
