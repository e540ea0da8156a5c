"""Every setting, read once by the composition root."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from nexus.errors import SettingsInvalid

CONFIG_FILE = "nexus.toml"

Names = Annotated[tuple[str, ...], NoDecode]
"""A list of names; in an environment variable separated by commas."""


def default_home() -> Path:
    """The platform's folder for user data, e.g. `~/.local/share/nexus`."""
    return Path(platformdirs.user_data_dir("nexus", appauthor=False))


def default_models_dir() -> Path:
    """The platform's cache folder: weights can always be fetched again."""
    return Path(platformdirs.user_cache_dir("nexus", appauthor=False)) / "models"


class Settings(BaseSettings):
    """From `NEXUS_*` variables, then `.env` in the working folder, then `nexus.toml` in `NEXUS_HOME`."""

    model_config = SettingsConfigDict(env_prefix="NEXUS_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default_factory=default_home, description="Everything Nexus keeps")
    models_dir: Path = Field(default_factory=default_models_dir, description="Where weights are kept")
    desk_dir: Path | None = Field(default=None, description="The desk's files; `desk` in the home by default")
    model: str | None = Field(
        default=None,
        description="ollama:NAME, embedded:NAME or FILE, openai:URL#NAME; unset: Ollama if it has one,"
        " else embedded",
    )
    num_ctx: int = Field(default=8192, ge=2048, le=131072, description="Context window in tokens")
    ollama_url: str = Field(default="http://127.0.0.1:11434", description="Where Ollama listens")
    model_timeout: float = Field(default=300.0, gt=0, description="Seconds a model may take for one answer")
    allow_remote_model: bool = Field(
        default=False, description="Let prompts leave this machine and its private network"
    )
    deny: Names = Field(default=(), description="Tools that must never run; globs, comma-separated")
    ask: Names = Field(default=(), description="Tools that ask even though they only read; globs")
    disable: Names = Field(default=(), description="Tools or toolkits the model never sees")
    approval_hours: float = Field(default=24.0, gt=0, le=720, description="Hours a person has to decide")
    tool_timeout: float = Field(default=60.0, gt=0, description="Seconds a tool call may take")
    max_steps: int = Field(default=12, ge=1, le=100, description="Steps one run may take")
    host: str = Field(default="127.0.0.1", description="Address `nexus serve` binds")
    port: int = Field(default=8420, ge=0, le=65535, description="Port `nexus serve` binds")

    @field_validator("deny", "ask", "disable", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @property
    def desk(self) -> Path:
        """The folder of the desk's files."""
        return self.desk_dir or self.home / "desk"

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
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        known = Settings.model_fields.get(name)
        raise SettingsInvalid(
            f"{first['msg']} (got {first['input']!r})",
            field=f"NEXUS_{name.upper()}",
            remedy=f"It is: {known.description}." if known else None,
        ) from error
    except (ValueError, OSError) as error:
        raise SettingsInvalid(f"{CONFIG_FILE} cannot be read ({error})", field=CONFIG_FILE) from error
    paths = {name: getattr(found, name).expanduser().absolute() for name in ("home", "models_dir")}
    if found.desk_dir:
        paths["desk_dir"] = found.desk_dir.expanduser().absolute()
    return found.model_copy(update=paths)
