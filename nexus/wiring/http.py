"""What `langgraph.json` says of the HTTP server, under `http`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from starlette.applications import Starlette

from nexus.api.beside import Http
from nexus.errors import SettingsInvalid
from nexus.settings import origins_of
from nexus.wiring.graphs import loaded, written_in

_DISABLED = ("assistants", "threads", "runs", "store")


class _Cors(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    allow_origins: list[str] = []

    @field_validator("allow_origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        return list(origins_of(value))


class _Written(BaseModel):
    """The fields that are honoured; any other is refused by its name, since it would be ignored in silence.

    There is no MCP, A2A or user interface of LangGraph's to be disabled.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    app: str | None = None
    enable_custom_route_auth: bool = False
    cors: _Cors | None = None
    disable_assistants: bool = False
    disable_threads: bool = False
    disable_runs: bool = False
    disable_store: bool = False
    disable_mcp: bool = False
    disable_a2a: bool = False
    disable_ui: bool = False

    @property
    def disabled(self) -> frozenset[str]:
        return frozenset(name for name in _DISABLED if getattr(self, f"disable_{name}"))


def load_http(file: Path | None) -> Http:
    """What the file says of it, with the application that it names.

    Raises:
        SettingsInvalid: A field is not honoured here, or what it names cannot be used.
    """
    given: Any = (written_in(file).get("http") if file else None) or {}
    try:
        written = _Written.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(("http", *(str(part) for part in first["loc"])))
        told = "it is not honoured here" if first["type"] == "extra_forbidden" else first["msg"]
        raise SettingsInvalid(
            f"{place}: {told}",
            field="NEXUS_GRAPHS",
            remedy=f"Remove it from {file}; honoured are {', '.join(sorted(_Written.model_fields))}.",
        ) from error
    app = _app(written.app, file.parent) if file and written.app else None
    return Http(
        app=app,
        needs_key=written.enable_custom_route_auth,
        disabled=written.disabled,
        origins=tuple(written.cors.allow_origins) if written.cors else (),
    )


def _app(path: str, folder: Path) -> Starlette:
    found = loaded("http.app", path, folder, field="NEXUS_GRAPHS")
    if not isinstance(found, Starlette):
        raise SettingsInvalid(
            f"http.app: {path} is a {type(found).__name__}",
            field="NEXUS_GRAPHS",
            remedy="Make it an application of FastAPI or Starlette.",
        )
    return found
