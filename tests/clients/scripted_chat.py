"""An OpenAI-compatible server on loopback that says what it was told to, in order."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nexus.testing import ScriptedModel

CHARACTERS_A_TOKEN = 4


@contextmanager
def scripted_chat(model: ScriptedModel) -> Iterator[str]:
    """Serve the model's script; yields the setting that selects it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for event in (*_events(_next_line(model, asked), asked), "[DONE]"):
                data = event if isinstance(event, str) else json.dumps(event)
                self.wfile.write(f"data: {data}\n\n".encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"openai:http://127.0.0.1:{server.server_address[1]}/v1#scripted"
        finally:
            server.shutdown()
            thread.join()


def _next_line(model: ScriptedModel, asked: dict[str, Any]) -> str:
    """The script's next line, with empty thoughts beside it, as the schema asked for wants them."""
    if "response_format" not in asked:
        return "yes"
    line = model.script.pop(0)
    assert isinstance(line, dict)
    schema = asked["response_format"]["json_schema"]["schema"]
    return json.dumps({name: line.get(name, "") for name in schema["required"]} | line)


def _events(text: str, asked: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    characters = sum(len(message["content"]) for message in asked["messages"])
    usage = {
        "prompt_tokens": characters // CHARACTERS_A_TOKEN,
        "completion_tokens": len(text) // CHARACTERS_A_TOKEN + 1,
    }
    return (
        {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": usage},
    )
