"""Every setting, read once by the composition root."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from nexus.errors import SettingsInvalid
from nexus.settings_mcp import McpServer, ServerName
from nexus.settings_policy import Rules

CONFIG_FILE = "nexus.toml"

Names = Annotated[tuple[str, ...], NoDecode]
"""A list of names; in an environment variable separated by commas."""

Pins = Annotated[dict[str, str], NoDecode]
"""Names with a value each; in an environment variable `name=value`, separated by commas."""

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")

EVERY_TOOLKIT = "auto"
"""In `toolkits`: every one of the synced catalogue, connected or not."""


def default_home() -> Path:
    """The platform's folder for user data, e.g. `~/.local/share/nexus`."""
    return Path(platformdirs.user_data_dir("nexus", appauthor=False))


def default_models_dir() -> Path:
    """The platform's cache folder: weights can always be fetched again."""
    return Path(platformdirs.user_cache_dir("nexus", appauthor=False)) / "models"


def origins_of(given: Iterable[str]) -> tuple[str, ...]:
    """Each as a browser names it; never any origin at all: its pages would act as whoever is let in.

    Raises ValueError: One is none.
    """
    origins = tuple(each.lower().rstrip("/") for each in given)
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin like http://localhost:3000")
    return origins


class Settings(BaseSettings):
    """From `NEXUS_*` variables, then `.env` in the working folder, then `nexus.toml` in `NEXUS_HOME`."""

    model_config = SettingsConfigDict(env_prefix="NEXUS_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default_factory=default_home, description="Everything Nexus keeps")
    models_dir: Path = Field(default_factory=default_models_dir, description="Where weights are kept")
    graphs: Path | None = Field(
        default=None, description="A langgraph.json: its graphs are served beside Nexus's own"
    )
    auth: str | None = Field(
        default=None,
        description="A langgraph_sdk.Auth object that says who asks, in place of keys: ./auth.py:auth; unset:"
        " the one of the langgraph.json",
    )
    desk_dir: Path | None = Field(default=None, description="The desk's files; `desk` in the home by default")
    model: str | None = Field(
        default=None,
        description="ollama:NAME, embedded:NAME or FILE, openai:URL#NAME; unset: Ollama if it has one,"
        " else embedded",
    )
    num_ctx: int = Field(default=8192, ge=2048, le=131072, description="Context window in tokens")
    ollama_url: str = Field(default="http://127.0.0.1:11434", description="Where Ollama listens")
    hub_url: str = Field(
        default="https://huggingface.co",
        pattern=r"^https?://",
        description="Where weights are fetched: the Hugging Face hub, or a mirror of it",
    )
    model_timeout: float = Field(default=300.0, gt=0, description="Seconds a model may take for one answer")
    allow_remote_model: bool = Field(
        default=False, description="Let prompts leave this machine and its private network"
    )
    deny: Names = Field(default=(), description="Tools that must never run; globs, comma-separated")
    ask: Names = Field(default=(), description="Tools that ask even though they only read; globs")
    policy: Rules = Field(
        default=(),
        description="Rules, each a table [[policy]] of nexus.toml with a verdict: allow, ask or deny",
    )
    disable: Names = Field(default=(), description="Tools or toolkits the model never sees")
    composio_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("COMPOSIO_API_KEY", "composio_api_key"),
        description="The key of a Composio project; without one Composio is off",
    )
    composio_base_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("COMPOSIO_BASE_URL", "composio_base_url"),
        description="Where Composio's API is, if not at Composio",
    )
    composio_webhook_secret: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("COMPOSIO_WEBHOOK_SECRET", "composio_webhook_secret"),
        description="What Composio signs its webhooks with; without it none is let in",
    )
    toolkits: Names = Field(
        default=(), description="Composio toolkits that are on for every user; auto: all of the catalogue"
    )
    toolkit_versions: Pins = Field(
        default={}, description="Versions of Composio toolkits to keep to: gmail=20260817_00,…"
    )
    mcp: dict[ServerName, McpServer] = Field(
        default={}, description="MCP servers, each a table [mcp.NAME] of nexus.toml with a command or a url"
    )
    functions_dir: Path | None = Field(
        default=None, description="Python files with tools; `functions` in the home by default"
    )
    embeddings: str | None = Field(
        default=None,
        description="What finds tools and memories by meaning, e.g. ollama:nomic-embed-text; unset: the small"
        " model of the embedded extra",
    )
    memory: str = Field(
        default="sqlite",
        description="Where it is kept what you told or showed Nexus: sqlite, chroma, chroma:URL,"
        " pinecone:INDEX, or off for nothing is",
    )
    encryption_key: SecretStr | None = Field(
        default=None, description="32 bytes in base64: what is remembered is sealed with it; unset: it is not"
    )
    chroma_token: SecretStr | None = Field(
        default=None, description="What a Chroma server asks for; sent as a bearer token"
    )
    pinecone_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("PINECONE_API_KEY", "pinecone_api_key"),
        description="The key of a Pinecone project",
    )
    pinecone_url: str | None = Field(
        default=None, description="Where Pinecone's control plane is, if not at Pinecone"
    )
    approval_hours: float = Field(default=24.0, gt=0, le=720, description="Hours a person has to decide")
    remind_minutes: float | None = Field(
        default=None,
        ge=1,
        le=43_200,
        description="Minutes after which people are reminded of what waits, again and again; unset: never",
    )
    remind_times: int = Field(default=3, ge=1, le=100, description="How often at most")
    keep_states_days: float | None = Field(
        default=None,
        gt=0,
        description="Days after which all but the latest state of a thread is forgotten, if nobody touched it"
        " and nothing in it waits; unset: never",
    )
    keep_threads_days: float | None = Field(
        default=None,
        gt=0,
        description="Days after which such a thread is deleted with its runs, but not the log; unset: never",
    )
    tool_timeout: float = Field(default=60.0, gt=0, description="Seconds a tool call may take")
    max_steps: int = Field(default=12, ge=1, le=100, description="Steps one run may take")
    webhook_allow: Names = Field(
        default=(),
        description="Networks that webhooks may go to although they are private, e.g. 10.1.0.0/16;"
        " comma-separated",
    )
    notify_url: SecretStr | None = Field(
        default=None,
        description="Where people are asked: a URL of apprise (mailto://…, ntfy://…, tgram://…, discord://…);"
        " unset: nowhere",
    )
    slack_webhook_url: SecretStr | None = Field(
        default=None, description="An incoming webhook of a Slack app, for messages with buttons"
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None, description="The signing secret of that app; without it the messages have no buttons"
    )
    public_url: str | None = Field(
        default=None,
        description="Where people reach this server by a browser, if not at its own address: the start of the"
        " links in messages",
    )
    cors_origins: Names = Field(
        default=(),
        description="Origins of pages that may use this API beside its own, e.g. http://localhost:3000;"
        " comma-separated",
    )
    undo_seconds: float = Field(
        default=3.0,
        ge=0,
        le=60,
        description="Seconds in which a decision made in the inbox can be taken back; 0: it counts at once",
    )
    host: str = Field(default="127.0.0.1", description="Address `nexus serve` binds")
    port: int = Field(default=8420, ge=0, le=65535, description="Port `nexus serve` binds")

    @field_validator("deny", "ask", "disable", "toolkits", "webhook_allow", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(_parts(value)) if isinstance(value, str) else value

    @field_validator("toolkit_versions", mode="before")
    @classmethod
    def _split_pins(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pins = [part.partition("=") for part in _parts(value)]
        if any(not version for _, _, version in pins):
            raise ValueError("a pin is TOOLKIT=VERSION")
        return {toolkit.strip(): version.strip() for toolkit, _, version in pins}

    @field_validator(
        "composio_api_key",
        "composio_base_url",
        "composio_webhook_secret",
        "notify_url",
        "slack_webhook_url",
        "slack_signing_secret",
        "encryption_key",
        "chroma_token",
        "pinecone_api_key",
        "pinecone_url",
        mode="before",
    )
    @classmethod
    def _unset(cls, value: Any) -> Any:
        """An empty line in `.env` sets nothing."""
        return (value.strip() or None) if isinstance(value, str) else value

    @field_validator("webhook_allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network, strict=False)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return origins_of(value)

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str | None) -> str | None:
        """Scheme and name, with a port if it has one: pages are at its top."""
        if not value:
            return None
        if not _ORIGIN.fullmatch(value.lower().rstrip("/")):
            raise ValueError("it is no address like https://nexus.example.com")
        return value.lower().rstrip("/")

    @property
    def address(self) -> str:
        """What links in messages begin with."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def desk(self) -> Path:
        """The folder of the desk's files."""
        return self.desk_dir or self.home / "desk"

    @property
    def functions(self) -> Path:
        """The folder of the owner's Python functions."""
        return self.functions_dir or self.home / "functions"

    @property
    def approval_ttl(self) -> timedelta:
        """How long a person has to decide."""
        return timedelta(hours=self.approval_hours)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add the file in the home folder, below everything else."""
        home = Path(os.environ.get("NEXUS_HOME") or default_home())
        file = TomlConfigSettingsSource(settings_cls, home.expanduser() / CONFIG_FILE)
        return init_settings, env_settings, dotenv_settings, file


def load_settings(**overrides: Any) -> Settings:
    """The settings, with `overrides` (command-line flags) above everything; paths are made absolute.

    Raises:
        SettingsInvalid: Names the setting, what is wrong and what it may be.
    """
    try:
        found = Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise _invalid(error) from None  # the original repeats what it got, which may be a secret
    except (ValueError, OSError) as error:
        raise SettingsInvalid(f"{CONFIG_FILE} cannot be read ({error})", field=CONFIG_FILE) from error
    paths = {name: getattr(found, name).expanduser().absolute() for name in ("home", "models_dir")}
    if found.desk_dir:
        paths["desk_dir"] = found.desk_dir.expanduser().absolute()
    if found.functions_dir:
        paths["functions_dir"] = found.functions_dir.expanduser().absolute()
    return found.model_copy(update=paths)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _invalid(error: ValidationError) -> SettingsInvalid:
    """The first thing that is wrong; what a secret was set to is not repeated."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]).lower() if first["loc"] else "settings"
    known = Settings.model_fields.get(name)
    if name == "policy":
        return _invalid_rule(first["msg"], first["loc"])
    is_secret = name == "mcp" or (known is not None and known.annotation == SecretStr | None)
    got = "" if is_secret else f" (got {first['input']!r})"
    return SettingsInvalid(
        f"{first['msg']}{got}",
        field=".".join(map(str, first["loc"])) if name == "mcp" else variable_of(name),
        remedy=f"It is: {known.description}." if known else None,
    )


def _invalid_rule(message: str, where: tuple[int | str, ...]) -> SettingsInvalid:
    """What is wrong with a rule, and with which one: by its place, and by its name if it has one."""
    place = (
        f"[[policy]] {int(where[1]) + 1}" if len(where) > 1 and str(where[1]).isdecimal() else "[[policy]]"
    )
    inside = ".".join(str(part) for part in where[2:])
    return SettingsInvalid(
        message.removeprefix("Value error, "),
        field=f"{place}: {inside}" if inside else place,
        remedy="`nexus policy --help` shows what a rule may say.",
    )


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    is_theirs = name.startswith("composio_") or name == "pinecone_api_key"
    return name.upper() if is_theirs else f"NEXUS_{name.upper()}"
