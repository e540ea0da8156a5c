"""`python -m tests.servers.composio`: try Nexus with a thousand apps that are not there, without a key."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.servers.composio.standin import ComposioStandIn
from tests.servers.running import serve_forever


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.composio", description=__doc__)
    parser.add_argument("--port", type=int, default=9900)
    parser.add_argument("--catalogue", type=Path, help="a file of tools to list, one JSON object a line")
    given = parser.parse_args()
    standin = ComposioStandIn()
    if given.catalogue:
        standin.catalogue.load(given.catalogue)
    url = f"http://127.0.0.1:{given.port}"
    tools, toolkits = len(standin.catalogue.tools), len(standin.catalogue.toolkits)
    print(f"A stand-in for Composio with {tools:,} tools of {toolkits} toolkits. Use it with")
    print(f"  export COMPOSIO_BASE_URL={url}")
    print(f"  export COMPOSIO_API_KEY={standin.key}")
    print(f"What was done: {url}/_control/effects; what goes wrong: POST {url}/_control/faults", flush=True)
    serve_forever(standin.app, given.port)


if __name__ == "__main__":
    main()
