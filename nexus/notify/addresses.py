"""Where a webhook may go: never to this machine, its network or a cloud's inner services, unless allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from nexus.errors import InvalidInput

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

MAX_URL = 2_000
"""Characters of an endpoint's URL."""

_IN_A_URL = re.compile(r"[\x21-\x5b\x5d-\x7e]*")

_REFUSED = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; 100.100.100.200 is a cloud's metadata
        "127.0.0.0/8",  # this machine
        "168.63.129.16/32",  # a cloud's inner services
        "169.254.0.0/16",  # link-local; 169.254.169.254 is the clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # protocol assignments; Teredo holds an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 holds an IPv4 address
        "3fff::/20",  # documentation
    )
]
_PUBLIC_V6 = IPv6Network(
    "2000::/3"
)  # outside of it: this machine, private, link-local, mapped, NAT64, multicast
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # an IPv6 address that ends with an IPv4 one


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks that an operator allows. Raises ValueError for what is none."""
    return tuple(ip_network(text, strict=False) for text in texts)


def is_refused(address: Address, *, allowed: Sequence[Network] = ()) -> bool:
    """True for an address that must not be connected to, whatever name led to it."""
    if any(address in network for network in allowed if network.version == address.version):
        return False
    if isinstance(address, IPv6Address) and (
        address not in _PUBLIC_V6 or address.scope_id or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    ):
        return True
    return any(address in network for network in _REFUSED if network.version == address.version)


def is_allowed_by_name(address: Address, allowed: Sequence[Network]) -> bool:
    """True for an address that the operator allowed, though it may be one that is refused otherwise."""
    return any(address in network for network in allowed if network.version == address.version)


def check_url(url: str, *, allowed: Sequence[Network] = ()) -> SplitResult:
    """The parts of a URL that messages may be sent to. Where its name leads is looked at when sending.

    Raises:
        InvalidInput: It is none: not https, with a password, or an address that must not be reached.
    """
    parts = _split(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise _unusable("it is no https URL", remedy="Use one like https://hooks.example.com/nexus.")
    if parts.username is not None or parts.password is not None:
        raise _unusable("it holds a user name or password", remedy="Put what is secret into its path.")
    if parts.fragment:
        raise _unusable("it holds a fragment (#), which is never sent")
    literal = as_address(parts.hostname)
    if literal is not None and is_refused(literal, allowed=allowed):
        raise _unusable(
            "it leads to this machine, a private network or a reserved address",
            remedy="The operator can allow a network with NEXUS_WEBHOOK_ALLOW.",
        )
    if parts.scheme == "http" and not allowed:
        raise _unusable("http can be read and changed on its way", remedy="Use https.")
    return parts


def as_address(host: str) -> Address | None:
    """The address that a host name is, if it is one in its usual form; resolvers know others."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL or not _IN_A_URL.fullmatch(url):
        raise _unusable(
            f"it is longer than {MAX_URL:,} characters, or holds a blank, a backslash or a letter that is not"
            " ASCII",
            remedy="Write the host's name in its ASCII form (xn--…) and the rest %-encoded.",
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _unusable(f"it is no URL ({error})") from error
    if port == 0:
        raise _unusable("port 0 is none")
    return parts


def _unusable(problem: str, *, remedy: str | None = None) -> InvalidInput:
    return InvalidInput(problem, field="url", remedy=remedy)
