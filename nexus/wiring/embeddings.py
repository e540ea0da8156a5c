"""The one embedder of a process."""

from __future__ import annotations

from nexus.models.cached_embedder import CachedEmbedder
from nexus.models.embedder_choice import embedder_of
from nexus.ports.embeddings import Embedder
from nexus.settings import Settings


async def open_embedder(settings: Settings) -> Embedder:
    """What the settings choose; it remembers the last texts.

    Raises:
        SettingsInvalid: They name none, or one that texts would have to leave this machine for.
    """
    return CachedEmbedder(
        await embedder_of(
            settings.embeddings, ollama_url=settings.ollama_url, allow_remote=settings.allow_remote_model
        )
    )
