"""What makes vectors: the small model of the embedded extra, or one of an Ollama server."""

from __future__ import annotations

import logging

from nexus.errors import SettingsInvalid
from nexus.models.minilm import MiniLM
from nexus.models.ollama_embedder import FIELD, AbsentEmbedder, open_ollama_embedder
from nexus.ports.embeddings import Embedder

_log = logging.getLogger(__name__)


async def embedder_of(setting: str | None, *, ollama_url: str, allow_remote: bool = False) -> Embedder:
    """The embedder that a setting names, the one that comes with Nexus if there is none.

    Raises:
        SettingsInvalid: It names none, or one that texts would have to leave this machine for.
    """
    if setting is None:
        return MiniLM()
    kind, _, name = setting.partition(":")
    if kind != "ollama" or not name.strip():
        raise SettingsInvalid(
            f"{setting!r} names no embedding model",
            field=FIELD,
            remedy="Write ollama:nomic-embed-text, or leave it out for the one that comes with Nexus.",
        )
    found = await open_ollama_embedder(name.strip(), url=ollama_url, allow_remote=allow_remote)
    if isinstance(found, AbsentEmbedder):
        _log.warning("%s is not there: tools are found by words alone, and runs go without memories", name)
    return found
