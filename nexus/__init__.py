"""Nexus: a small local model acts on a person's real apps, asks first, and acts once."""

__version__ = "0.1.0"
__all__ = ["__version__"]
