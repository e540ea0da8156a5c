"""A server with TLS on loopback that answers 204 and notes which names it was asked by."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import trustme


@dataclass
class TlsServer:
    """What it was asked by."""

    port: int
    names: list[str] = field(default_factory=list[str])
    hosts: list[str] = field(default_factory=list[str])

    @staticmethod
    def trust(authority: trustme.CA) -> ssl.SSLContext:
        """A client that trusts the authority alone."""
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return context


@contextmanager
def serving_tls(certificate: trustme.LeafCert) -> Iterator[TlsServer]:
    """A server that runs until the block ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    server = TlsServer(listener.getsockname()[1])
    context.sni_callback = lambda _socket, name, _context: server.names.append(name or "")
    thread = threading.Thread(target=_serve, args=(listener, context, server))
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _serve(listener: socket.socket, context: ssl.SSLContext, server: TlsServer) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        with suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as connection:
            request = _whole_request(connection)
            server.hosts += [line[6:] for line in request.split("\r\n") if line.lower().startswith("host: ")]
            connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


def _whole_request(connection: ssl.SSLSocket) -> str:
    """All of it: whoever closes with something unread resets the connection, and the answer may be lost."""
    request = connection.recv(65_536).decode()
    wanted = int((re.search(r"(?i)content-length: (\d+)", request) or ["", "0"])[1])
    while len(request.partition("\r\n\r\n")[2]) < wanted and (more := connection.recv(65_536).decode()):
        request += more
    return request
