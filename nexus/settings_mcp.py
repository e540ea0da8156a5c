"""How an MCP server is configured: a table `[mcp.NAME]` of `nexus.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

BUILT_IN = frozenset({"composio", "desk", "functions", "mcp", "results"})
"""Names that Nexus itself uses for where tools come from."""


def _is_free(name: str) -> str:
    if name in BUILT_IN:
        raise ValueError("is a name that Nexus uses itself; call the server something else")
    return name


ServerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$"), AfterValidator(_is_free)]
"""Lower-case letters, digits and hyphens; the names of the server's tools begin with it and a `_`."""


class McpServer(BaseModel):
    """A program to start (`command`), or an address to call (`url`).

    `${NAME}` in `args`, `env`, `url` and `headers` stands for an environment variable or a line of `.env`, so
    that no secret has to be in the file. It is looked up when the server is started.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str | None = Field(default=None, min_length=1, description="The program; no shell is used")
    args: tuple[str, ...] = Field(default=(), description="Its arguments; other users may see them")
    env: dict[str, str] = Field(
        default={}, description="Its environment, beside HOME, LOGNAME, PATH, SHELL, TERM and USER"
    )
    cwd: Path | None = Field(default=None, description="The folder it runs in")
    url: str | None = Field(default=None, pattern=r"^https?://", description="A streamable HTTP endpoint")
    headers: dict[str, str] = Field(default={}, description="Sent with every request, to that address only")
    start_timeout: float = Field(default=60.0, gt=0, description="Seconds it may take to be ready")
    shared: bool = Field(
        default=False, description="Every user may use it, as whoever it is set up for; else only the owner"
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("give either command (a program to start) or url (a server to call)")
        if self.url is None and self.headers:
            raise ValueError("headers belong to a url; a program gets env")
        if self.url is not None and (self.args or self.env or self.cwd):
            raise ValueError("args, env and cwd belong to a command; a url gets headers")
        return self
