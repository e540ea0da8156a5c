"""Pages of one origin, and the server of another that they talk to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from nexus.testing import ScriptedModel
from tests.clients.scripted_chat import scripted_chat
from tests.servers.nexus import nexus_serve

REQUEST = "Email design@example.com that the review moved to Friday 3pm"
LETTER = {
    "to": ["design@example.com"],
    "subject": "Review moved",
    "body": "The review moved to Friday 3pm.",
}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@contextmanager
def pages_of(folder: Path) -> Iterator[str]:
    """The origin of what is in `public` of the folder."""
    public = folder / "public"
    public.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=public)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def served_to(pages: str, folder: Path, model: ScriptedModel) -> Iterator[str]:
    """The address of a `nexus serve`, with its home in the folder, that lets pages of that origin in."""
    home = folder / "home"
    home.mkdir()
    with (
        scripted_chat(model) as setting,
        nexus_serve(home, NEXUS_MODEL=setting, NEXUS_CORS_ORIGINS=pages) as url,
    ):
        yield url
