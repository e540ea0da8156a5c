"""Sends one message to one URL: looks the name up once, connects to what it found, follows nothing.

httpcore, not httpx: it has the seam between a name and a connection (a network backend), it knows no proxies
of the environment, no cookies and no redirects, and TLS still checks the certificate against the name.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpcore

from nexus.errors import InvalidInput
from nexus.notify.addresses import Network, as_address, check_url, is_allowed_by_name, is_refused

CONNECT_SECONDS = 10.0
TOTAL_SECONDS = 20.0
"""How long one message may take, from the look-up of the name to the status of the answer."""

MAX_RETRY_AFTER = 24 * 3600
"""Seconds: a receiver cannot put off a message for longer."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, as text."""


class NotDelivered(Exception):
    """The message did not arrive, or nobody can know whether it did; says why in words for the log."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said to a message.

    Attributes:
        status: The HTTP status.
        retry_after: Seconds it wants to be left alone for; None if it did not say.
    """

    status: int
    retry_after: int | None = None

    @property
    def is_accepted(self) -> bool:
        """True if the receiver has taken the message."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the statuses of success


async def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses that the system's resolver has for a name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Sender:
    """Posts messages.

    Args:
        allowed: Networks that may be reached although they are private or reserved, also without TLS.
        resolve: Looks names up.
        tls: How certificates are checked; the system's way by default.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        resolve: Resolve = look_up,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a body of JSON.

        Raises:
            NotDelivered: It was not sent, or there was no answer.
        """
        try:
            parts = check_url(url, allowed=self._allowed)
        except InvalidInput as error:
            raise NotDelivered(error.message) from error
        backend = _Checked(self._resolve, self._allowed, needs_allowance=parts.scheme == "http")
        sent = list({"Content-Type": "application/json", "User-Agent": "Nexus", **headers}.items())
        try:
            async with (
                asyncio.timeout(TOTAL_SECONDS),
                httpcore.AsyncConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
                pool.stream("POST", url, headers=sent, content=body) as response,
            ):
                return Answer(response.status, _retry_after(response.headers))
        except TimeoutError as error:
            raise NotDelivered(f"no answer within {TOTAL_SECONDS:.0f} seconds") from error
        except (httpcore.ProtocolError, httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
            raise NotDelivered(_in_words(error)) from error


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to nothing that must not be reached; what was looked at is what is connected to."""

    def __init__(self, resolve: Resolve, allowed: Sequence[Network], *, needs_allowance: bool) -> None:
        self._resolve = resolve
        self._allowed = allowed
        self._needs_allowance = needs_allowance
        # What it is declared as stands in for it where anyio is not installed.
        self._network = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the interface's; ours bounds it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a name that answers, if every one of them may be reached."""
        failure: Exception = NotDelivered("its name has no address")
        for address in await self._addresses(host, port):
            try:
                return await self._network.connect_tcp(
                    address, port, CONNECT_SECONDS, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """No message goes into a file."""
        raise NotDelivered("it is no address of the network")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        """Where a name leads; nowhere if any of it must not be reached: no honest name leads there."""
        try:
            found = list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError) as error:
            raise NotDelivered("its name cannot be looked up") from error
        for text in found:
            address = as_address(text)
            if address is None or is_refused(address, allowed=self._allowed):
                raise NotDelivered("it leads to this machine, a private network or a reserved address")
            if self._needs_allowance and not is_allowed_by_name(address, self._allowed):
                raise NotDelivered("without TLS only networks in NEXUS_WEBHOOK_ALLOW are reached")
        return found


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """The seconds a Retry-After header asks for; a date in it is taken for none."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.strip().isdigit():
            return min(int(value.strip()[:9]), MAX_RETRY_AFTER)
    return None


def _in_words(error: Exception) -> str:
    """Why it failed, without what the library quotes of addresses and answers."""
    if any(isinstance(each, ssl.SSLError) for each in _chain(error)):
        return "its certificate is not valid for its name, or TLS failed"
    known: dict[type[Exception], str] = {
        httpcore.ConnectError: "nobody takes connections there",
        httpcore.TimeoutException: "no answer in time",
        httpcore.ProtocolError: "what came back is no HTTP answer",
    }
    return next((text for kind, text in known.items() if isinstance(error, kind)), "the connection broke off")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
