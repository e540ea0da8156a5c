"""Vectors by an embedding model of an Ollama server, e.g. `nomic-embed-text`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import httpx
import numpy as np

from nexus.errors import ModelFailed, ModelMissing, ModelUnavailable, OutputInvalid, SettingsInvalid
from nexus.models.connection import busy_or_broken, client_settings, our_errors
from nexus.models.local_url import require_local
from nexus.models.ollama_server import is_cloud
from nexus.ports.embeddings import Embedder, Matrix

FIELD = "NEXUS_EMBEDDINGS"
BATCH = 32
_START = "Start Ollama with: ollama serve"
_LOOK_SECONDS = 30.0
"""How long the first look may take: Ollama loads the model for it."""


class OllamaEmbedder:
    """An embedding model as it was found when it was opened (`open_ollama_embedder`).

    Its name holds the digest of the weights: after `ollama pull` of others every text is embedded anew.
    """

    def __init__(self, model: str, *, url: str, digest: str, dimensions: int, seconds: float) -> None:
        self._model = model
        self._url = url
        self._seconds = seconds
        self.name = f"ollama-{model}-{digest[:12]}"
        self.dimensions = dimensions

    async def embed(self, texts: Sequence[str]) -> Matrix:
        """One L2-normalised row for each text, in order.

        Raises:
            ModelUnavailable: Ollama does not answer.
            ModelMissing: It has the model no more.
            OutputInvalid: It gave other vectors than it did when Nexus began.
        """
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        for start in range(0, len(texts), BATCH):
            piece = list(texts[start : start + BATCH])
            found = await _embedded(self._url, self._model, piece, self._seconds)
            if found.shape != (len(piece), self.dimensions):
                raise OutputInvalid(
                    f"{self._model} gave {found.shape[-1]} dimensions, not {self.dimensions}.",
                    remedy="Restart Nexus: the model behind that name has changed.",
                )
            rows[start : start + len(piece)] = found
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))


class AbsentEmbedder:
    """Stands for an embedder that could not be opened: search goes by words, runs go without memories."""

    dimensions = 1

    def __init__(self, name: str, why: ModelFailed | ModelUnavailable) -> None:
        self.name = f"absent-{name}"
        self._why = why

    async def embed(self, texts: Sequence[str]) -> Matrix:  # noqa: ARG002 - the port's
        """Raises why it could not be opened."""
        raise self._why


async def open_ollama_embedder(
    model: str, *, url: str, allow_remote: bool = False, seconds: float = 60.0
) -> Embedder:
    """The model with its dimensions; an `AbsentEmbedder` if Ollama or the model is not there now.

    Raises:
        SettingsInvalid: Texts would leave this machine and its network, and that is not allowed.
    """
    url = require_local(url, field="NEXUS_OLLAMA_URL", allow_remote=allow_remote)
    if is_cloud(model) and not allow_remote:
        raise SettingsInvalid(
            f"{model} runs in Ollama's cloud, and what is embedded would go there",
            field=FIELD,
            remedy="Choose a local model, e.g. ollama:nomic-embed-text.",
        )
    try:
        digest = await _digest(url, model)
        found = await _embedded(url, model, ["dimensions"], _LOOK_SECONDS)
    except (ModelFailed, ModelUnavailable) as error:
        return AbsentEmbedder(model, error)
    return OllamaEmbedder(model, url=url, digest=digest, dimensions=found.shape[-1], seconds=seconds)


async def _digest(url: str, model: str) -> str:
    """Of the weights under that name. Raises ModelMissing, ModelUnavailable, OutputInvalid."""
    names = {model, model if ":" in model else f"{model}:latest"}
    found = await _asked(url, "GET", "/api/tags", None, _LOOK_SECONDS)
    listed = found.get("models")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and each.get("name") in names:
            return str(each.get("digest") or each.get("size") or "")
    raise _missing(model)


async def _embedded(url: str, model: str, texts: list[str], seconds: float) -> Matrix:
    found = await _asked(url, "POST", "/api/embed", {"model": model, "input": texts}, seconds)
    try:
        rows = np.array(found["embeddings"], np.float32)
    except (KeyError, ValueError, TypeError) as error:
        raise OutputInvalid(f"{model} gave no vectors.", remedy="Choose an embedding model.") from error
    if rows.ndim != 2 or not rows.shape[1]:  # noqa: PLR2004 - a matrix
        raise OutputInvalid(f"{model} gave no vectors.", remedy="Choose an embedding model.")
    return rows


async def _asked(
    url: str, method: str, path: str, body: dict[str, Any] | None, seconds: float
) -> dict[str, Any]:
    server = f"Ollama at {url}"
    async with (
        our_errors(server=server, start=_START, seconds=seconds),
        httpx.AsyncClient(**client_settings(seconds)) as client,
    ):
        response = await client.request(method, url + path, json=body)
        if response.status_code == HTTPStatus.NOT_FOUND and body:
            raise _missing(str(body["model"]))
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise busy_or_broken(server, response.status_code, response.text)
        found = await asyncio.to_thread(response.json)
    if not isinstance(found, dict):
        raise OutputInvalid(f"{server} sent something that is not its protocol.")
    return found


def _missing(model: str) -> ModelMissing:
    return ModelMissing(f"Ollama does not have {model}.", remedy=f"Get it with: ollama pull {model}")
