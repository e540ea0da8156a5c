"""An MCP server over standard input and output without any library: starts in no time, fails as it is told.

    python -m tests.servers.mcp.plain FOLDER

Each call appends a line to FOLDER/calls.jsonl before it is answered, each start one to FOLDER/starts.txt.
The file FOLDER/die kills it once, when `look` is called.
FOLDER/tools.json, if it is there, replaces what the server offers; the tool `change` says that it did.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

READS = {"readOnlyHint": True, "openWorldHint": False}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
NOTHING: dict[str, Any] = {"type": "object", "properties": {}}


def tool(
    name: str, description: str, schema: dict[str, Any] | None = None, **annotations: bool
) -> dict[str, Any]:
    """A tool's definition; without annotations nothing is known of it."""
    defined: dict[str, Any] = {"name": name, "description": description, "inputSchema": schema or NOTHING}
    return defined | ({"annotations": annotations} if annotations else {})


TOOLS = [
    tool("look", "Say what was written.", **READS),
    tool("write", "Write a line.", TEXT),
    tool("die", "Write a line, then die without an answer.", TEXT),
    tool("hang", "Write a line, then never answer.", TEXT),
    tool("environment", "Say which variables there are.", **READS),
    tool("change", "Say that the tools have changed.", **READS),
]


def main() -> None:
    """Answer every line of the input until it ends."""
    folder = Path(sys.argv[1])
    with (folder / "starts.txt").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    if (folder / "refuse").exists():
        print(f"I will not start: {(folder / 'refuse').read_text()}", file=sys.stderr)
        sys.exit(3)
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            answer = _answer(message["method"], message.get("params", {}), folder)
            _send({"jsonrpc": "2.0", "id": message["id"], **answer})


def _answer(method: str, params: dict[str, Any], folder: Path) -> dict[str, Any]:
    match method:
        case "initialize":
            return {
                "result": {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {"listChanged": True}},
                    "serverInfo": {"name": "plain", "version": "1"},
                }
            }
        case "tools/list":
            return {"result": _page(_offered(folder), int(params.get("cursor") or 0))}
        case "tools/call":
            return _call(params["name"], params.get("arguments", {}), folder)
        case _:
            return {"error": {"code": -32601, "message": f"there is no {method}"}}


def _page(tools: list[Any], start: int) -> dict[str, Any]:
    """Four tools at a time, so that whoever reads the first page only misses some."""
    page: dict[str, Any] = {"tools": tools[start : start + 4]}
    return page | ({"nextCursor": str(start + 4)} if len(tools) > start + 4 else {})


def _offered(folder: Path) -> list[Any]:
    file = folder / "tools.json"
    return json.loads(file.read_text()) if file.exists() else TOOLS


def _call(name: str, arguments: dict[str, Any], folder: Path) -> dict[str, Any]:
    with (folder / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps({"tool": name, "arguments": arguments}) + "\n")
    match name:
        case "look" if _once(folder / "die"):
            os._exit(1)
        case "die":
            os._exit(1)
        case "hang":
            time.sleep(3600)
        case "environment":
            return _said(json.dumps(dict(os.environ)))
        case "change":
            _send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    return _said(f"{name}: {arguments.get('text', 'fine')}")


def _once(file: Path) -> bool:
    """True if the file is there; it is not any more then."""
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True


def _said(text: str) -> dict[str, Any]:
    return {"result": {"content": [{"type": "text", "text": text}]}}


def _send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
