"""What a running Ollama has: asked quickly, because it may not be there at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from nexus.errors import ModelMissing, ModelUnavailable
from nexus.models.connection import client_settings

_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class OllamaTag:
    """One model that Ollama has on this machine."""

    name: str
    size: int


class OllamaServer:
    """The management side of Ollama at `url`."""

    def __init__(self, url: str, *, seconds: float = _SECONDS) -> None:
        self._url = url.rstrip("/")
        self._seconds = seconds

    def tags(self) -> Sequence[OllamaTag]:
        """The models it runs itself; those it passes on to a cloud are left out.

        Raises:
            ModelUnavailable: It does not answer.
        """
        found = self._ask("GET", "/api/tags").get("models")
        return [
            OllamaTag(str(each["name"]), int(each.get("size") or 0))
            for each in (found if isinstance(found, list) else [])
            if isinstance(each, dict) and each.get("name") and not is_cloud(str(each["name"]), each)
        ]

    def show(self, model: str) -> Mapping[str, Any]:
        """What it knows of one model: `modelfile`, `model_info` and more.

        Raises:
            ModelMissing: It does not have it.
            ModelUnavailable: It does not answer.
        """
        return self._ask("POST", "/api/show", {"model": model})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        try:
            with httpx.Client(**client_settings(self._seconds)) as client:
                response = client.request(method, self._url + path, json=body)
            if response.status_code == HTTPStatus.NOT_FOUND and body:
                name = body["model"]
                raise ModelMissing(f"Ollama does not have {name}.", remedy=f"Get it with: ollama pull {name}")
            found = response.raise_for_status().json()
        except (httpx.HTTPError, httpx.InvalidURL, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ModelUnavailable(
                f"Ollama at {self._url} does not answer ({type(error).__name__}).",
                remedy="Start Ollama with: ollama serve",
            ) from error
        return found if isinstance(found, dict) else {}


def is_cloud(name: str, facts: Mapping[str, Any] | None = None) -> bool:
    """True for a model that a local Ollama passes on to a server elsewhere."""
    tag = name.rpartition(":")[2] if ":" in name else ""
    return tag == "cloud" or tag.endswith("-cloud") or bool((facts or {}).get("remote_host"))
