"""What makes vectors: the small model of the embedded extra, or one of an Ollama server."""

from __future__ import annotations

import logging

from nexus.errors import SettingsInvalid
from nexus.models.cached_embedder import CachedEmbedder
from nexus.models.minilm import MiniLM
from nexus.models.ollama_embedder import AbsentEmbedder, open_ollama_embedder
from nexus.ports.embeddings import Embedder
from nexus.settings import Settings

_log = logging.getLogger(__name__)


async def open_embedder(settings: Settings) -> Embedder:
    """What the settings choose; it remembers the last texts.

    Raises:
        SettingsInvalid: They name none, or one that texts would have to leave this machine for.
    """
    return CachedEmbedder(await _chosen(settings))


async def _chosen(settings: Settings) -> Embedder:
    if settings.embeddings is None:
        return MiniLM()
    kind, _, name = settings.embeddings.partition(":")
    if kind != "ollama" or not name.strip():
        raise SettingsInvalid(
            f"{settings.embeddings!r} names no embedding model",
            field="NEXUS_EMBEDDINGS",
            remedy="Write ollama:nomic-embed-text, or leave it out for the one that comes with Nexus.",
        )
    found = await open_ollama_embedder(
        name.strip(), url=settings.ollama_url, allow_remote=settings.allow_remote_model
    )
    if isinstance(found, AbsentEmbedder):
        _log.warning("%s is not there: tools are found by words alone, and runs go without memories", name)
    return found
