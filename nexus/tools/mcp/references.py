"""Secrets stand in the environment; the configuration only names them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from dotenv import dotenv_values

from nexus.errors import SettingsInvalid
from nexus.settings_mcp import McpServer

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_DOTENV = ".env"  # of the working folder, as for the settings
_SHORTEST_SECRET = 4  # a shorter value would be found in every other word


def known_variables() -> Mapping[str, str]:
    """The variables that references may name: those of `.env`, and above them those of the environment."""
    in_file = {name: value for name, value in dotenv_values(_DOTENV).items() if value is not None}
    return in_file | dict(os.environ)


def resolved(server: McpServer, variables: Mapping[str, str], *, field: str) -> tuple[McpServer, list[str]]:
    """The server with each reference replaced, and the values that must not be shown.

    Those are what came in so, and what is in `env` and `headers`, where people also write keys as they are;
    of a header `Bearer KEY` the key alone too.

    Raises:
        SettingsInvalid: A variable that is named is not set.
    """
    used: list[str] = []

    def value_of(name: str) -> str:
        if name not in variables:
            raise SettingsInvalid(
                f"${{{name}}} is not set", field=field, remedy=f"Set {name} in the environment or in .env."
            )
        used.append(variables[name])
        return variables[name]

    def put_in(text: str) -> str:
        return _REFERENCE.sub(lambda found: value_of(found[1]), text)

    filled = server.model_copy(
        update={
            "args": tuple(put_in(text) for text in server.args),
            "env": {name: put_in(text) for name, text in server.env.items()},
            "url": put_in(server.url) if server.url else None,
            "headers": {name: put_in(text) for name, text in server.headers.items()},
        }
    )
    words = [word for text in filled.headers.values() for word in text.split()[1:]]
    return filled, [*used, *filled.env.values(), *filled.headers.values(), *words]


def without_secrets(text: str, secrets: list[str]) -> str:
    """`text` with every one of the values taken out."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "…")
    return text
