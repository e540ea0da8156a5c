"""Nexus as a model, for clients that speak OpenAI's chat completions."""
