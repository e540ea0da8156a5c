"""What Chroma tells its makers of how it is used: nothing."""

from __future__ import annotations

from chromadb.telemetry.product import ProductTelemetryClient, ProductTelemetryEvent
from overrides import override


class Silence(ProductTelemetryClient):
    """Takes Chroma's events and drops them, in every version, whatever its settings are."""

    @override
    def capture(self, event: ProductTelemetryEvent) -> None:
        """Drop it."""
