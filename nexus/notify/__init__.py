"""Telling people and programs what happened, and what needs them: webhooks, and people's channels."""
