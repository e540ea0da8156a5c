"""How requests are read off the wire: by llhttp, with a bound on all of them that is not a body."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024
"""Bytes of a head, or of what stands behind a body, that are waited for; h11, uvicorn's other parser, takes
as many."""


class BoundedHead(HttpToolsProtocol):
    """uvicorn's fast protocol, in which a head without an end does not fill the memory."""

    _waited = 0
    _has_got_on = False

    def on_headers_complete(self) -> None:
        """A head is here."""
        self._has_got_on = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body is here; how long one may be is the application's to say."""
        self._has_got_on = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is here."""
        self._has_got_on = True
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Read on; refuse what has not got on for too long."""
        self._has_got_on = False
        super().data_received(data)
        self._waited = 0 if self._has_got_on else self._waited + len(data)
        if self._waited > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("The headers are too long.")
