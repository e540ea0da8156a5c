"""What an app of the stand-in is made of: its tools, their schemas, and the state of one account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

READS = ("readOnlyHint", "idempotentHint")
CREATES = ("createHint", "openWorldHint")
UPDATES = ("updateHint", "idempotentHint")
DELETES = ("destructiveHint",)

OLDER, LATEST = "20260401_00", "20260817_00"

Arguments = Mapping[str, Any]
Method = TypeVar("Method", bound=Callable[..., dict[str, Any]])


class ToolFailure(Exception):
    """The app says no; Composio answers 200 with `successful: false`."""


@dataclass(frozen=True)
class Field:
    """A value Composio asks for when an auth config or an account is made."""

    name: str
    label: str
    description: str
    secret: bool = False


@dataclass(frozen=True)
class Scheme:
    """A way to sign in to an app."""

    mode: str
    managed: bool = False
    creation: Sequence[Field] = ()
    initiation: Sequence[Field] = ()


OAUTH = Scheme("OAUTH2", managed=True)
OWN_OAUTH = Scheme(
    "OAUTH2",
    creation=(
        Field("client_id", "Client id", "The id of your own OAuth app."),
        Field("client_secret", "Client secret", "The secret of your own OAuth app.", secret=True),
    ),
)
API_KEY = Scheme(
    "API_KEY",
    initiation=(Field("generic_api_key", "API key", "A key made in the app's settings.", secret=True),),
)


@dataclass(frozen=True)
class Tool:
    """One tool; without `run` it is listed only."""

    slug: str
    toolkit: str
    name: str
    description: str
    parameters: Mapping[str, Any]
    tags: Sequence[str] = ()
    since: str = ""
    run: Callable[[Any, Arguments], dict[str, Any]] | None = None

    @property
    def has_effect(self) -> bool:
        """True unless it only reads."""
        return "readOnlyHint" not in self.tags


@dataclass
class Toolkit:
    """One app; `state` makes what one connected account of it holds."""

    slug: str
    name: str
    description: str
    category: str = "productivity"
    schemes: Sequence[Scheme] = (OAUTH,)
    versions: list[str] = field(default_factory=lambda: [OLDER, LATEST])
    state: Callable[[], Any] | None = None


class App(Protocol):
    """A class whose instances are the state of one account, and whose marked methods are its tools."""

    toolkit: ClassVar[Toolkit]


def tool(
    slug: str,
    name: str,
    tags: Sequence[str],
    *,
    required: Mapping[str, Any] | None = None,
    optional: Mapping[str, Any] | None = None,
    since: str = "",
) -> Callable[[Method], Method]:
    """Mark a method as a tool; its docstring is the description."""

    def mark(method: Method) -> Method:
        method.__dict__["tool"] = {
            "slug": slug,
            "name": name,
            "tags": tags,
            "since": since,
            "parameters": {
                "type": "object",
                "title": f"{name}Request",
                "properties": {**(required or {}), **(optional or {})},
                "required": list(required or {}),
            },
        }
        return method

    return mark


def tools_of(app: type[App]) -> list[Tool]:
    """The tools among the methods of `app`."""
    methods = [each for each in vars(app).values() if hasattr(each, "tool")]
    return [
        Tool(**each.tool, toolkit=app.toolkit.slug, description=each.__doc__ or "", run=each)
        for each in methods
    ]


def text(description: str, **more: Any) -> dict[str, Any]:
    """The schema of a string."""
    return {"type": "string", "description": description, **more}


def number(description: str, **more: Any) -> dict[str, Any]:
    """The schema of a whole number."""
    return {"type": "integer", "description": description, **more}


def flag(description: str, **more: Any) -> dict[str, Any]:
    """The schema of a boolean."""
    return {"type": "boolean", "description": description, **more}


def texts(description: str, **more: Any) -> dict[str, Any]:
    """The schema of a list of strings."""
    return {"type": "array", "items": {"type": "string"}, "description": description, **more}


def found(things: Mapping[Any, Any], key: Any, what: str) -> Any:
    """The thing of that key, or a failure that names it."""
    if key not in things:
        raise ToolFailure(f"404 Not Found: no {what} {key!r}")
    return things[key]
