"""The HTTP API: parse, call the runtime, render."""
